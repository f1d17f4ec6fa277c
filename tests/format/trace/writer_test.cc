#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <optional>

#include "format/protocol/limits.h"
#include "format/trace/chunk_codec.h"
#include "format/trace/dedup_table.h"
#include "format/trace/version.h"
#include "tests/format/trace/trace_builder.h"

namespace vgpu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Bytes that do not compress, different for each seed.
std::string Noise(size_t size, uint64_t seed) {
  std::string out(size, '\0');
  uint64_t state = seed * 2 + 1;
  for (char& byte : out) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(state >> 56);
  }
  return out;
}

class Writing : public testing::Test {
 protected:
  TraceWriter& Start(const TraceWriterOptions& options = QuietOptions(),
                     uint64_t fail_at = UINT64_MAX) {
    writer_.emplace(std::make_unique<StringTraceFile>(&out_, fail_at), options);
    const auto status = writer_->Write(SessionPacket());
    EXPECT_TRUE(status) << status.error().message;
    return *writer_;
  }

  TraceSummary Read(std::vector<std::string>* packets = nullptr) {
    const MemoryFile file(out_);
    auto reader = TraceReader::Open(file.path());
    EXPECT_TRUE(reader) << reader.error().message;
    if (!reader) return {};
    const auto all = ReadAll(**reader);
    if (packets != nullptr) *packets = all;
    return (*reader)->summary();
  }

  size_t ChunksOnDisk() const { return ChunkStarts(out_).size() - 1; }

  std::string out_;
  std::optional<TraceWriter> writer_;
};

TEST_F(Writing, RepeatedContentIsStoredOnce) {
  TraceWriter& writer = Start();
  const std::string one = Noise(50000, 1);
  const std::string other = Noise(50000, 2);
  EXPECT_THAT(*writer.StoreContent(AsBytes(one)), ElementsAre(0));
  EXPECT_THAT(*writer.StoreContent(AsBytes(other)), ElementsAre(1));
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(*writer.StoreContent(AsBytes(one)), ElementsAre(0));
    EXPECT_THAT(*writer.StoreContent(AsBytes(other)), ElementsAre(1));
  }
  EXPECT_THAT(*writer.StoreContent({}), IsEmpty());
  ASSERT_TRUE(writer.Close());
  EXPECT_EQ(Read().blobs, 2u);
  EXPECT_LT(out_.size(), 110000u);
}

TEST(Dedup, RemembersUpToItsSizeAndForgetsTheOldest) {
  DedupTable table(64);
  auto digest = [](int i) { return HashOf(AsBytes("content " + std::to_string(i))); };
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(table.Find(digest(i)), std::nullopt);
    table.Insert(digest(i), static_cast<uint64_t>(i));
    EXPECT_EQ(table.Find(digest(i)), static_cast<uint64_t>(i));
  }
  int known = 0;
  for (int i = 0; i < 1000; ++i) {
    if (const auto id = table.Find(digest(i))) {
      EXPECT_EQ(*id, static_cast<uint64_t>(i));
      ++known;
    }
  }
  EXPECT_EQ(known, 64);
  EXPECT_EQ(table.Find(digest(0)), std::nullopt);
}

TEST(Dedup, WhatIsUsedStays) {
  DedupTable table(8);  // one set
  auto digest = [](int i) { return HashOf(AsBytes(std::to_string(i))); };
  table.Insert(digest(0), 0);
  for (int i = 1; i < 100; ++i) {
    table.Insert(digest(i), static_cast<uint64_t>(i));
    EXPECT_EQ(table.Find(digest(0)), 0u);
  }
  EXPECT_EQ(table.Find(digest(50)), std::nullopt);
}

TEST_F(Writing, AChunkClosesAtItsSize) {
  TraceWriterOptions options = QuietOptions();
  options.chunk_bytes = 1000;
  TraceWriter& writer = Start(options);
  for (uint64_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(writer.Write(CommandPacket(i, std::string(100, 'x'))));
  }
  EXPECT_GT(ChunksOnDisk(), 5u);
  ASSERT_TRUE(writer.Close());
  const MemoryFile file(out_);
  const auto reader = TraceReader::Open(file.path());
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->summary().commands, 100u);
  for (const auto& chunk : std::span((*reader)->chunks()).first(5)) {
    EXPECT_GE(chunk.raw_size, 1000u);
    EXPECT_LT(chunk.raw_size, 1150u);
  }
}

TEST_F(Writing, AChunkClosesAtItsAge) {
  TraceWriterOptions options;
  options.flush_interval_ns = uint64_t{1} << 62;
  TraceWriter& writer = Start(options);
  ASSERT_TRUE(writer.FlushIfDue(0));
  EXPECT_EQ(ChunksOnDisk(), 0u);
  ASSERT_TRUE(writer.FlushIfDue(UINT64_MAX));
  EXPECT_EQ(ChunksOnDisk(), 1u);
  ASSERT_TRUE(writer.FlushIfDue(UINT64_MAX));
  EXPECT_EQ(ChunksOnDisk(), 1u);
}

TEST_F(Writing, WithoutAnIntervalEachPacketIsOnDiskAtOnce) {
  TraceWriterOptions options;
  options.flush_interval_ns = 0;
  TraceWriter& writer = Start(options);
  ASSERT_TRUE(writer.Write(CommandPacket(0)));
  EXPECT_EQ(ChunksOnDisk(), 2u);
}

TEST_F(Writing, WhatWasFlushedIsReadableWhileTheWriterGoesOn) {
  TraceWriter& writer = Start();
  ASSERT_TRUE(writer.Write(CommandPacket(0)));
  ASSERT_TRUE(writer.Flush());
  ASSERT_TRUE(writer.Write(CommandPacket(1)));
  const TraceSummary summary = Read();
  EXPECT_EQ(summary.commands, 1u);
  EXPECT_FALSE(summary.has_index);
  EXPECT_FALSE(summary.truncated);
}

TEST_F(Writing, APacketThatBreaksARuleIsRefusedAndTheWriterGoesOn) {
  TraceWriter writer(std::make_unique<StringTraceFile>(&out_), QuietOptions());
  auto refusal = [&](const proto::Packet& packet) {
    const auto status = writer.Write(packet);
    if (status) return std::string("taken");
    EXPECT_EQ(status.error().code, ErrorCode::kUsage);
    return status.error().message;
  };
  EXPECT_EQ(refusal(CommandPacket(0)), "the first packet of a trace is its session");
  EXPECT_EQ(writer.StoreContent(AsBytes("x")).error().message,
            "the first packet of a trace is its session");
  proto::Packet session = SessionPacket();
  session.mutable_session()->set_format_version(7);
  EXPECT_EQ(refusal(session), "the session has format version 7, the writer knows 1 to 1");
  EXPECT_EQ(refusal(SessionPacket()), "taken");
  EXPECT_EQ(refusal(SessionPacket()), "a trace has one session packet");
  EXPECT_EQ(refusal(CommandPacket(5)), "taken");
  EXPECT_EQ(refusal(CommandPacket(5)), "command 5 comes where 6 is the next number");
  EXPECT_EQ(refusal(FramePacket(1, 5)), "taken");
  EXPECT_EQ(refusal(FramePacket(0, 5)), "frame 0 comes where 2 is the next number");
  proto::Packet index;
  index.mutable_index();
  EXPECT_EQ(refusal(index), "an index is written by the writer alone");
  EXPECT_EQ(refusal(CommandPacket(6)), "taken");
  ASSERT_TRUE(writer.Close());
  EXPECT_EQ(refusal(CommandPacket(7)), "the trace is closed");
  EXPECT_EQ(Read().commands, 2u);
}

TEST_F(Writing, APacketThatReadersWouldRefuseIsRefused) {
  TraceWriter& writer = Start();
  proto::Packet places;
  for (uint64_t i = 0; i < limits::kMaxPacketFields; ++i) places.mutable_heap_event()->add_place();
  EXPECT_FALSE(writer.Write(places));
  proto::Packet marker;
  marker.mutable_marker()->set_text(std::string(limits::kMaxFactBytes + 1, 'x'));
  EXPECT_FALSE(writer.Write(marker));
  EXPECT_FALSE(writer.Write(MemoryPacket(1, std::vector<uint64_t>(5000), 4)));
  proto::Packet blob;
  blob.mutable_blob()->set_data(std::string(limits::kMaxBlobBytes + 1, 'x'));
  EXPECT_FALSE(writer.Write(blob));
  proto::Packet large;
  for (uint32_t i = 0; i < limits::kMaxBackingEntries; ++i) {
    proto::Place& place = *large.mutable_heap_event()->add_place();
    place.set_heap(1);
    place.set_offset(UINT64_MAX);
    place.set_size(UINT64_MAX);
  }
  EXPECT_TRUE(writer.Write(large));
  EXPECT_TRUE(writer.Write(CommandPacket(0, std::string(limits::kMaxFactBytes + 1, 'x'))));
  ASSERT_TRUE(writer.Close());
  std::vector<std::string> packets;
  EXPECT_THAT(Read(&packets).damage, IsEmpty());
  EXPECT_THAT(packets, SizeIs(3));
}

// In each kind of packet that has text, and nowhere else: guest bytes stay as they are.
TEST_F(Writing, TextThatIsNotUtf8IsReplacedSoThatThePacketCanBeRead) {
  proto::Packet session = SessionPacket();
  session.mutable_session()->add_program("glmark2-\xff");
  session.mutable_session()->add_program("caf\xc3\xa9");
  session.mutable_session()->set_renderer_library("/opt/\xe9/lib.so");
  TraceWriter writer(std::make_unique<StringTraceFile>(&out_), QuietOptions());
  ASSERT_TRUE(writer.Write(session));
  std::vector<proto::Packet> others(5);
  others[0].mutable_gl()->set_vendor("\xff");
  others[1].mutable_heap()->set_name("\xff");
  others[2].mutable_marker()->set_text("\xff");
  others[3].mutable_loss()->set_reason("\xff");
  others[4].mutable_end()->set_reason("\xff");
  for (const auto& packet : others) ASSERT_TRUE(writer.Write(packet));
  ASSERT_TRUE(writer.Write(CommandPacket(0, "\xff")));
  ASSERT_TRUE(writer.Close());
  std::vector<std::string> packets;
  EXPECT_THAT(Read(&packets).damage, IsEmpty());
  ASSERT_THAT(packets, SizeIs(7));
  EXPECT_THAT(packets[0], HasSubstr("glmark2-\xef\xbf\xbd"));
  EXPECT_THAT(packets[0], HasSubstr("caf\xc3\xa9"));
  EXPECT_THAT(packets[0], HasSubstr("/opt/\xef\xbf\xbd/lib.so"));
  for (size_t i = 1; i < 6; ++i) EXPECT_THAT(packets[i], HasSubstr("\xef\xbf\xbd"));
  proto::Packet command;
  ASSERT_TRUE(command.ParseFromString(packets[6]));
  EXPECT_EQ(command.command().request(), "\xff");
}

// WithValidText looks at the bodies of packets, and no deeper.
TEST(Schema, HasTextInTheBodiesOfPacketsOnly) {
  const auto* packet = proto::Packet::descriptor();
  for (int i = 0; i < packet->field_count(); ++i) {
    const auto* body = packet->field(i)->message_type();
    for (int k = 0; k < body->field_count(); ++k) {
      const auto* inner = body->field(k)->message_type();
      if (inner == nullptr) continue;
      for (int n = 0; n < inner->field_count(); ++n) {
        // The index has copies of heaps, whose names the writer has made valid.
        if (inner == proto::Heap::descriptor()) continue;
        EXPECT_NE(inner->field(n)->type(), google::protobuf::FieldDescriptor::TYPE_STRING)
            << inner->field(n)->full_name();
      }
    }
  }
}

TEST(Encoder, GivesBackTheMemoryOfALargeChunk) {
  ChunkEncoder encoder(0);
  const std::string large(100u << 20, 'x');
  ASSERT_TRUE(encoder.Encode(AsBytes(large), {}, std::nullopt));
  const size_t held = mallinfo2().hblkhd;
  ASSERT_TRUE(encoder.Encode(AsBytes("small"), {}, std::nullopt));
  if (held == 0) GTEST_SKIP() << "this allocator does not count";
  EXPECT_LT(mallinfo2().hblkhd, held - large.size() / 2);
}

TEST_F(Writing, RangesCoverExactlyTheNumbersThatAreThere) {
  TraceWriter& writer = Start();
  for (const uint64_t number : {0u, 1u, 2u, 10u, 11u, 30u}) {
    ASSERT_TRUE(writer.Write(CommandPacket(number)));
  }
  ASSERT_TRUE(writer.Close());
  const MemoryFile file(out_);
  const auto reader = TraceReader::Open(file.path());
  ASSERT_TRUE(reader);
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const auto& chunk : (*reader)->chunks()) {
    ranges.emplace_back(chunk.range.first_command(), chunk.range.commands());
  }
  EXPECT_THAT(ranges, ElementsAre(std::pair(0, 3), std::pair(10, 2), std::pair(30, 1)));
  EXPECT_EQ((*reader)->summary().commands, 6u);
}

// A disk that is full at every place of the file: what is on it is a trace all the same.
TEST_F(Writing, AFailedAppendLeavesWholeChunksAndIsRepeated) {
  std::string whole;
  {
    Start();
    for (uint64_t i = 0; i < 6; ++i) {
      ASSERT_TRUE(writer_->Write(CommandPacket(i)));
      ASSERT_TRUE(writer_->Flush());
    }
    ASSERT_TRUE(writer_->Close());
    whole = std::exchange(out_, {});
  }
  const auto starts = ChunkStarts(whole);
  for (size_t fail_at = 0; fail_at < whole.size(); fail_at += 11) {
    SCOPED_TRACE(fail_at);
    out_.clear();
    Start(QuietOptions(), fail_at);
    Status status;
    for (uint64_t i = 0; i < 6 && status; ++i) {
      status = writer_->Write(CommandPacket(i));
      if (status) status = writer_->Flush();
    }
    if (status) status = writer_->Close();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message, "no space is left");
    EXPECT_EQ(writer_->Write(CommandPacket(50)).error().message, "no space is left");
    EXPECT_EQ(writer_->StoreContent(AsBytes("x")).error().message, "no space is left");
    EXPECT_EQ(writer_->FlushIfDue(UINT64_MAX).error().message, "no space is left");
    EXPECT_EQ(writer_->Close().error().message, "no space is left");
    const auto behind = std::upper_bound(starts.begin(), starts.end(), fail_at);
    ASSERT_EQ(out_, whole.substr(0, *std::prev(behind)));
    EXPECT_EQ(writer_->file_bytes(), out_.size());
  }
}

TEST_F(Writing, AFileThatCannotBeCutBackSaysBoth) {
  class StuckFile : public TraceFile {
    Status Append(Bytes) override { return MakeError(ErrorCode::kFailed, "no space is left"); }
    Status Truncate(uint64_t) override { return MakeError(ErrorCode::kFailed, "cutting failed"); }
    Status Sync() override { return {}; }
  };
  TraceWriter writer(std::make_unique<StuckFile>(), QuietOptions());
  ASSERT_TRUE(writer.Write(SessionPacket()));
  EXPECT_EQ(writer.Flush().error().message, "no space is left; then cutting failed");
}

class SizeLimit : public Writing, public testing::WithParamInterface<uint64_t> {};

TEST_P(SizeLimit, TheFileStaysBelowItAndIsClosedWithAnIndex) {
  TraceWriterOptions options = QuietOptions();
  options.max_file_bytes = GetParam();
  options.chunk_bytes = 20000;
  TraceWriter& writer = Start(options);
  uint64_t taken = 0;
  Status status;
  while (taken < 100000) {
    status = writer.Write(CommandPacket(taken, Noise(200, taken)));
    if (!status) break;
    ++taken;
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kFailed);
  EXPECT_THAT(status.error().message, HasSubstr("the trace has reached its limit of " +
                                                std::to_string(GetParam()) + " bytes at "));
  EXPECT_TRUE(writer.size_limit_reached());
  EXPECT_FALSE(writer.Write(CommandPacket(taken)));
  EXPECT_FALSE(writer.StoreContent(AsBytes("x")));
  proto::Packet loss;
  loss.mutable_loss()->set_reason("size limit");
  EXPECT_TRUE(writer.Write(loss));
  proto::Packet end;
  end.mutable_end()->set_reason("size limit");
  EXPECT_TRUE(writer.Write(end));
  ASSERT_TRUE(writer.Close());
  EXPECT_LE(out_.size(), GetParam());
  EXPECT_GE(out_.size() + 16384, GetParam());
  const TraceSummary summary = Read();
  EXPECT_TRUE(summary.has_index);
  EXPECT_EQ(summary.commands, taken);
}

INSTANTIATE_TEST_SUITE_P(Sizes, SizeLimit, testing::Values(30000, 100000, 1000000));

TEST_F(Writing, IncompressibleContentIsStoredAsItIs) {
  TraceWriter& writer = Start();
  const std::string noise = Noise(200000, 3);
  ASSERT_TRUE(writer.StoreContent(AsBytes(noise)));
  ASSERT_TRUE(writer.Close());
  EXPECT_NE(out_.find(noise), out_.npos);
}

TEST(DiskFile, ErrorsNameTheFileAndThePlace) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full";
  const TemporaryFolder folder;
  EXPECT_THAT(CreateTraceFile(folder / "no/such/folder.vgpu", false).error().message,
              HasSubstr("folder.vgpu cannot be created: No such file or directory"));
  const auto device = CreateTraceFile("/dev/full", true);
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().message, "/dev/full is not a regular file");
}

// Writes until the disk is full, for which a limit on the file's size stands, and says why it
// ended.
void FillDisk(const std::filesystem::path& path) {
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{4096, 4096};
  setrlimit(RLIMIT_FSIZE, &limit);
  auto writer = TraceWriter::Create(path, QuietOptions());
  Status status = (*writer)->Write(SessionPacket());
  for (uint64_t i = 0; status; ++i) {
    status = (*writer)->Write(CommandPacket(i, Noise(300, i)));
    if (status) status = (*writer)->Flush();
  }
  fprintf(stderr, "%s", status.error().message.c_str());
  exit(0);
}

TEST(DiskFile, AFullDiskKeepsACleanFile) {
  const TemporaryFolder folder;
  const auto path = folder / "full.vgpu";
  EXPECT_EXIT(FillDisk(path), testing::ExitedWithCode(0),
              "writing [0-9]+ bytes at offset [0-9]+ failed: File too large");
  const auto reader = TraceReader::Open(path);
  ASSERT_TRUE(reader);
  EXPECT_THAT(ReadAll(**reader), SizeIs(testing::Gt(5u)));
  EXPECT_FALSE((*reader)->summary().truncated);
  EXPECT_THAT((*reader)->summary().damage, IsEmpty());
}

}  // namespace
}  // namespace vgpu
