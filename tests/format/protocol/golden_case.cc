#include "tests/format/protocol/golden_case.h"

#include <algorithm>
#include <fstream>
#include <span>
#include <sstream>

#include "format/protocol/decode.h"

namespace vgpu {
namespace {

constexpr std::string_view kTextMark = "--- text\n";
constexpr std::string_view kJsonMark = "--- json\n";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// The words of the lines that are no comments.
std::vector<std::string> Tokens(const std::string& head) {
  std::vector<std::string> out;
  std::istringstream lines(head);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    for (std::string word; words >> word;) out.push_back(word);
  }
  return out;
}

std::vector<std::byte> HexBytes(const std::vector<std::string>& tokens) {
  std::string digits;
  for (const std::string& token : tokens) digits += token;
  std::vector<std::byte> out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    out.push_back(static_cast<std::byte>(std::stoul(digits.substr(i, 2), nullptr, 16)));
  }
  return out;
}

std::vector<std::byte> Submit(const std::vector<std::string>& tokens) {
  std::vector<uint32_t> words;
  for (const std::string& token : tokens) {
    words.push_back(static_cast<uint32_t>(std::stoul(token, nullptr, 16)));
  }
  auto request = MakeRequest<wire::Submit3d>(CommandType::SUBMIT_3D, 1);
  request.size = static_cast<uint32_t>(words.size() * sizeof(uint32_t));
  return EncodeRequest(request, std::as_bytes(std::span(words)));
}

}  // namespace

std::vector<std::filesystem::path> GoldenCases(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".txt") out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

GoldenCase ReadGoldenCase(const std::filesystem::path& path) {
  const std::string file = ReadFile(path);
  GoldenCase out;
  const std::size_t text = std::min(file.find(kTextMark), file.size());
  const std::size_t json = std::min(file.find(kJsonMark), file.size());
  out.head = file.substr(0, text);
  if (text < json) out.text = file.substr(text + kTextMark.size(), json - text - kTextMark.size());
  if (json < file.size()) out.json = file.substr(json + kJsonMark.size());
  std::vector<std::string> tokens = Tokens(out.head);
  if (tokens.empty()) return out;
  out.kind = tokens.front();
  tokens.erase(tokens.begin());
  out.bytes = out.kind == "stream" ? Submit(tokens) : HexBytes(tokens);
  return out;
}

void WriteGoldenCase(const std::filesystem::path& path, const GoldenCase& golden,
                     const std::string& text, const std::string& json) {
  std::ofstream(path) << golden.head << kTextMark << text << kJsonMark << json;
}

}  // namespace vgpu
