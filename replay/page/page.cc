#include "replay/page/page.h"

#include <cstdint>

namespace vgpu {

std::string FillPage(std::string_view page,
                     std::initializer_list<std::pair<std::string_view, std::string_view>> parts) {
  size_t size = page.size();
  for (const auto& [mark, text] : parts) size += text.size();
  std::string out;
  out.reserve(size);
  for (const auto& [mark, text] : parts) {
    const size_t at = page.find(mark);
    out += page.substr(0, at);
    out += text;
    page.remove_prefix(at + mark.size());
  }
  out += page;
  return out;
}

std::string ScriptJson(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

std::string Base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view three = bytes.substr(at, 3);
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < three.size() ? static_cast<unsigned char>(three[i]) : 0u);
    }
    for (size_t i = 0; i < 4; ++i) {
      out += i <= three.size() ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
    }
  }
  return out;
}

}  // namespace vgpu
