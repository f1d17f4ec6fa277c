#include "format/trace/preloaded_trace.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace vgpu {
namespace {

const std::filesystem::path kKmscube =
    std::filesystem::path(VGPU_SOURCE_DIR) / "samples/traces/kmscube.vgpu";

std::unique_ptr<TraceReader> OpenKmscube() {
  auto reader = TraceReader::Open(kKmscube);
  EXPECT_TRUE(reader) << (reader ? "" : reader.error().message);
  return std::move(*reader);
}

// Each packet as text, and the content of each blob that one refers to.
std::vector<std::string> Everything(TraceSource& source) {
  std::vector<std::string> all;
  while (true) {
    const auto packet = source.Next();
    EXPECT_TRUE(packet);
    if (!packet || *packet == nullptr) return all;
    all.push_back((*packet)->SerializeAsString());
    std::vector<std::byte> content;
    EXPECT_TRUE(source.AppendBlobs((*packet)->memory().blob(), content));
    all.emplace_back(reinterpret_cast<const char*>(content.data()), content.size());
  }
}

TEST(PreloadedTrace, HoldsWhatTheFileDoes) {
  const auto file = OpenKmscube();
  const auto other = OpenKmscube();
  const auto trace = PreloadedTrace::Load(*other, 1 << 30);
  ASSERT_TRUE(trace);
  ASSERT_NE(*trace, nullptr);
  const auto expected = Everything(*file);
  EXPECT_GT(expected.size(), 500u);
  EXPECT_TRUE(Everything(**trace) == expected);
  ASSERT_TRUE((*trace)->Rewind());
  EXPECT_TRUE(Everything(**trace) == expected);
  EXPECT_EQ((*trace)->session().SerializeAsString(), file->session().SerializeAsString());
}

TEST(PreloadedTrace, LeavesTheReaderAtItsStartWhereItIsTooLarge) {
  const auto reader = OpenKmscube();
  const auto trace = PreloadedTrace::Load(*reader, 100'000);
  ASSERT_TRUE(trace);
  EXPECT_EQ(*trace, nullptr);
  EXPECT_TRUE(Everything(*reader) == Everything(*OpenKmscube()));
}

TEST(PreloadedTrace, BlobsStayAndMissingOnesAreNamed) {
  const auto reader = OpenKmscube();
  const auto trace = PreloadedTrace::Load(*reader, 1 << 30);
  ASSERT_TRUE(trace);
  const auto first = (*trace)->Blob(0);
  ASSERT_TRUE(first);
  ASSERT_TRUE((*trace)->Blob(1));
  EXPECT_EQ((*trace)->Blob(0)->data(), first->data());
  const auto missing = (*trace)->Blob(1'000'000);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("kmscube.vgpu: blob 1000000 is not in the file"),
            std::string::npos);
}

}  // namespace
}  // namespace vgpu
