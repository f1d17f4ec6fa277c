// The cases in golden/, each against its expected text and JSON. golden_case.h tells their form.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "format/protocol/print.h"
#include "tests/format/protocol/golden_case.h"

namespace vgpu {
namespace {

class PrintGolden : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(PrintGolden, Matches) {
  const GoldenCase golden = ReadGoldenCase(GetParam());
  const Bytes bytes(golden.bytes);
  // "response", or "response_to_NAME" of a command.
  const bool response = golden.kind.starts_with("response");
  PrintOptions options;
  if (golden.kind.starts_with("response_to_")) {
    options.answers = static_cast<uint32_t>(FindCommand(golden.kind.substr(12))->type);
  }
  ASSERT_TRUE(response || golden.kind == "request" || golden.kind == "stream") << golden.kind;
  const std::string text = response ? ResponseText(bytes, options) : RequestText(bytes);
  const std::string json = (response ? ResponseJson(bytes, options) : RequestJson(bytes)) + '\n';
  if (std::getenv("VGPU_UPDATE_GOLDENS") != nullptr) {
    return WriteGoldenCase(GetParam(), golden, text, json);
  }
  EXPECT_EQ(text, golden.text);
  EXPECT_EQ(json, golden.json);
}

INSTANTIATE_TEST_SUITE_P(Files, PrintGolden, testing::ValuesIn(GoldenCases(VGPU_GOLDEN_DIR)),
                         [](const auto& test) { return test.param.stem().string(); });

}  // namespace
}  // namespace vgpu
