// One file a case: what goes in, and the text and JSON that must come out.
//
//   # what the case is about
//   request | response | stream      the last: dwords, wrapped into a SUBMIT_3D of context 1
//   hex bytes, or dwords of a stream, in any grouping
//   --- text
//   ...
//   --- json
//   ...
//
// VGPU_UPDATE_GOLDENS=1 in the environment rewrites the expected parts.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "format/protocol/decode.h"
#include "format/protocol/print.h"

namespace vgpu {
namespace {

constexpr std::string_view kTextMark = "--- text\n";
constexpr std::string_view kJsonMark = "--- json\n";

struct GoldenCase {
  std::string head;  // up to the first mark, as it is in the file
  std::string kind;
  std::vector<std::string> tokens;
  std::string text, json;
};

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

GoldenCase Parse(const std::string& file) {
  GoldenCase out;
  const std::size_t text = std::min(file.find(kTextMark), file.size());
  const std::size_t json = std::min(file.find(kJsonMark), file.size());
  out.head = file.substr(0, text);
  if (text < json) out.text = file.substr(text + kTextMark.size(), json - text - kTextMark.size());
  if (json < file.size()) out.json = file.substr(json + kJsonMark.size());
  std::istringstream lines(out.head);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    for (std::string word; words >> word;) {
      out.kind.empty() ? out.kind = word : (out.tokens.push_back(word), word);
    }
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

std::vector<std::filesystem::path> Cases() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(VGPU_GOLDEN_DIR)) {
    if (entry.path().extension() == ".txt") out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

class PrintGolden : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(PrintGolden, Matches) {
  const GoldenCase golden = Parse(ReadFile(GetParam()));
  const bool response = golden.kind == "response";
  ASSERT_TRUE(response || golden.kind == "request" || golden.kind == "stream") << golden.kind;
  const auto bytes = golden.kind == "stream" ? Submit(golden.tokens) : HexBytes(golden.tokens);
  const std::string text = response ? ResponseText(bytes) : RequestText(bytes);
  const std::string json = (response ? ResponseJson(bytes) : RequestJson(bytes)) + '\n';
  if (std::getenv("VGPU_UPDATE_GOLDENS") != nullptr) {
    std::ofstream(GetParam()) << golden.head << kTextMark << text << kJsonMark << json;
    return;
  }
  EXPECT_EQ(text, golden.text);
  EXPECT_EQ(json, golden.json);
}

INSTANTIATE_TEST_SUITE_P(Files, PrintGolden, testing::ValuesIn(Cases()),
                         [](const auto& test) { return test.param.stem().string(); });

}  // namespace
}  // namespace vgpu
