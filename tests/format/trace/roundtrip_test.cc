#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/protocol/limits.h"
#include "tests/format/trace/trace_builder.h"

namespace vgpu {
namespace {

using testing::ElementsAre;

std::unique_ptr<TraceReader> Open(const MemoryFile& file) {
  auto reader = TraceReader::Open(file.path());
  EXPECT_TRUE(reader) << reader.error().message;
  return reader ? std::move(*reader) : nullptr;
}

TEST(Roundtrip, EveryPacketKindComesBackAsWritten) {
  std::string out;
  TraceWriter writer(std::make_unique<StringTraceFile>(&out), QuietOptions());
  std::vector<proto::Packet> packets = OtherPackets();
  packets.insert(packets.begin(),
                 {SessionPacket(), CommandPacket(0), FramePacket(0, 0), MemoryPacket(3, {}, 0)});
  std::vector<std::string> written;
  for (const auto& packet : packets) {
    const auto status = writer.Write(packet);
    ASSERT_TRUE(status) << status.error().message;
    written.push_back(packet.SerializeAsString());
  }
  ASSERT_TRUE(writer.Close());

  const MemoryFile file(out);
  const auto reader = Open(file);
  EXPECT_EQ(ReadAll(*reader), written);
  EXPECT_EQ(reader->session().producer(), "test");
  EXPECT_THAT(reader->summary().damage, ElementsAre());
}

TEST(Roundtrip, SummaryCountsWhatWasWritten) {
  const std::string trace = SmallTrace(3);
  const MemoryFile file(trace);
  const TraceSummary summary = Open(file)->summary();
  EXPECT_EQ(summary.file_bytes, trace.size());
  EXPECT_EQ(summary.commands, 6u);
  EXPECT_EQ(summary.frames, 3u);
  EXPECT_EQ(summary.blobs, 3u);
  EXPECT_EQ(summary.begin_ns, 1000u);
  EXPECT_EQ(summary.end_ns, 1059u);
  EXPECT_TRUE(summary.has_index);
  EXPECT_FALSE(summary.truncated);
  EXPECT_EQ(summary.checks, 3u);
  EXPECT_EQ(summary.boundary_bytes, 3 * (49 + 5 + 6 + 2 * 8));
}

TEST(Roundtrip, ContentIsCutAndComesBackWhole) {
  std::string content(3 * limits::kMaxBlobBytes + 5, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i / 997);
  std::string out;
  TraceWriter writer(std::make_unique<StringTraceFile>(&out), QuietOptions());
  ASSERT_TRUE(writer.Write(SessionPacket()));
  const auto ids = writer.StoreContent(AsBytes(content));
  ASSERT_TRUE(ids);
  EXPECT_THAT(*ids, ElementsAre(0, 1, 2, 3));
  ASSERT_TRUE(writer.Close());

  const MemoryFile file(out);
  const auto reader = Open(file);
  google::protobuf::RepeatedField<uint64_t> field(ids->begin(), ids->end());
  std::vector<std::byte> read;
  ASSERT_TRUE(reader->AppendBlobs(field, read));
  ASSERT_EQ(read.size(), content.size());
  EXPECT_EQ(std::memcmp(read.data(), content.data(), content.size()), 0);
}

TEST(Roundtrip, ABlobPacketComesWithoutItsData) {
  const MemoryFile file(SmallTrace(1));
  const auto reader = Open(file);
  const proto::Packet* packet = *reader->Next();
  while (packet != nullptr && !packet->has_blob()) packet = *reader->Next();
  ASSERT_NE(packet, nullptr);
  EXPECT_EQ(packet->blob().id(), 0u);
  EXPECT_EQ(packet->blob().data(), "");
  const auto data = reader->Blob(0);
  ASSERT_TRUE(data);
  const Digest digest = HashOf(*data);
  EXPECT_EQ(packet->blob().digest(), std::string(digest.begin(), digest.end()));
}

TEST(Roundtrip, SeekComesToThePacketsOfACommand) {
  const MemoryFile file(SmallTrace(5));
  const auto reader = Open(file);
  for (const uint64_t wanted : {9u, 4u, 0u, 5u}) {
    ASSERT_TRUE(reader->SeekToCommand(wanted));
    bool memory_since_command = false;
    while (true) {
      const auto packet = reader->Next();
      ASSERT_TRUE(packet);
      ASSERT_NE(*packet, nullptr) << wanted;
      if ((*packet)->has_memory()) memory_since_command = true;
      if (!(*packet)->has_command()) continue;
      ASSERT_LE((*packet)->command().number(), wanted);
      if ((*packet)->command().number() == wanted) break;
      memory_since_command = false;
    }
    EXPECT_EQ(memory_since_command, wanted % 2 == 0) << wanted;
  }
  ASSERT_TRUE(reader->SeekToCommand(11));
  EXPECT_EQ(*reader->Next(), nullptr);
  ASSERT_TRUE(reader->Rewind());
  EXPECT_TRUE((*reader->Next())->has_session());
}

// Chunks that are large enough to be unpacked ahead.
TEST(Roundtrip, LargeChunksComeInOrderFromAnywhere) {
  constexpr uint64_t kCommands = 40;
  auto request = [](uint64_t number) { return std::string(50000, static_cast<char>(number)); };
  std::string out;
  TraceWriterOptions options = QuietOptions();
  options.chunk_bytes = 100000;
  options.zstd_level = 0;
  TraceWriter writer(std::make_unique<StringTraceFile>(&out), options);
  ASSERT_TRUE(writer.Write(SessionPacket()));
  for (uint64_t i = 0; i < kCommands; ++i) {
    ASSERT_TRUE(writer.Write(CommandPacket(i, request(i))));
  }
  ASSERT_TRUE(writer.Close());
  const size_t damaged = out.find(request(11));
  ASSERT_NE(damaged, out.npos);
  out[damaged] ^= 1;

  const MemoryFile file(out);
  const auto reader = Open(file);
  for (const uint64_t first : {0u, 30u, 12u, 3u, 0u, 39u}) {
    ASSERT_TRUE(reader->SeekToCommand(first));
    uint64_t expected = first;
    while (const proto::Packet* packet = *reader->Next()) {
      if (!packet->has_command() || packet->command().number() < expected) continue;
      // Commands 10 and 11 share the damaged chunk.
      if (expected == 10) expected = 12;
      ASSERT_EQ(packet->command().number(), expected);
      ASSERT_EQ(packet->command().request(), request(expected));
      ++expected;
    }
    EXPECT_EQ(expected, kCommands);
  }
  EXPECT_EQ(reader->summary().damage.size(), 1u);
}

TEST(Roundtrip, AFileOnDiskIsPrivateAndNotOverwritten) {
  const TemporaryFolder folder;
  const auto path = folder / "a.vgpu";
  {
    auto writer = TraceWriter::Create(path, QuietOptions());
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->Write(SessionPacket()));
    ASSERT_TRUE((*writer)->Close());
  }
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(path).permissions(), perms::owner_read | perms::owner_write);
  const auto again = TraceWriter::Create(path, QuietOptions());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kUsage);
  EXPECT_EQ(again.error().message, path.string() + " exists and is not overwritten");
  EXPECT_TRUE(TraceReader::Open(path));
  TraceWriterOptions overwrite;
  overwrite.overwrite = true;
  EXPECT_TRUE(TraceWriter::Create(path, overwrite));
  EXPECT_EQ(std::filesystem::file_size(path), 0u);
}

}  // namespace
}  // namespace vgpu
