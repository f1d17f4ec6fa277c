#include "replay/report/xml_text.h"

#include "format/protocol/escape.h"

namespace vgpu {

namespace {

constexpr std::string_view kReplacement = "\uFFFD";

bool IsForbidden(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 && first != '\t' && first != '\n' && first != '\r';
  return character == "\uFFFE" || character == "\uFFFF";
}

// What stands for a character that would not come through as itself; empty: nothing does.
std::string_view ReferenceOf(char character, bool in_attribute) {
  switch (character) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\r':
      return "&#13;";
    case '\n':
      return in_attribute ? "&#10;" : "";
    case '\t':
      return in_attribute ? "&#9;" : "";
    default:
      return {};
  }
}

std::string EscapeXml(std::string_view text, bool in_attribute) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = Utf8CharacterLength(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    const std::string_view reference = ReferenceOf(character[0], in_attribute);
    if (length == 0 || IsForbidden(character)) {
      out += kReplacement;
    } else {
      out += reference.empty() ? character : reference;
    }
    text.remove_prefix(character.size());
  }
  return out;
}

}  // namespace

std::string XmlText(std::string_view text) { return EscapeXml(text, false); }
std::string XmlAttribute(std::string_view text) { return EscapeXml(text, true); }

}  // namespace vgpu
