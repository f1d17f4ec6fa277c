#include "replay/inspect/dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "tests/format/trace/trace_builder.h"

namespace vgpu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string Dump(const std::string& trace, const DumpFilter& filter = {}, bool json = false) {
  const MemoryFile file(trace);
  auto reader = TraceReader::Open(file.path());
  EXPECT_TRUE(reader) << reader.error().message;
  PacketPrintOptions options;
  options.json = json;
  std::string out;
  const auto status = DumpTrace(**reader, filter, options, [&](const std::string& lines) {
    out += lines;
    return true;
  });
  EXPECT_TRUE(status) << status.error().message;
  return out;
}

DumpFilter Frames(uint64_t first, uint64_t last) {
  DumpFilter filter;
  filter.first_frame = first;
  filter.last_frame = last;
  return filter;
}

// "command N (frame M" of each command that was printed.
std::vector<std::string> CommandsIn(const std::string& dump) {
  const std::regex pattern("command [0-9]+ \\(frame [0-9]+");
  return {std::sregex_token_iterator(dump.begin(), dump.end(), pattern),
          std::sregex_token_iterator()};
}

// Three commands a frame, a chunk for each packet.
std::string ScatteredTrace(uint64_t frames) {
  std::string out;
  TraceWriterOptions options = QuietOptions();
  options.chunk_bytes = 1;
  TraceWriter writer(std::make_unique<StringTraceFile>(&out), options);
  EXPECT_TRUE(writer.Write(SessionPacket()));
  for (uint64_t frame = 0; frame < frames; ++frame) {
    for (uint64_t i = 0; i < 3; ++i) EXPECT_TRUE(writer.Write(CommandPacket(3 * frame + i)));
    EXPECT_TRUE(writer.Write(FramePacket(frame, 3 * frame + 2)));
  }
  EXPECT_TRUE(writer.Close());
  return out;
}

TEST(Dump, AFrameThatSpansChunksIsWhole) {
  const std::string trace = ScatteredTrace(5);
  EXPECT_THAT(CommandsIn(Dump(trace, Frames(3, 3))),
              ElementsAre("command 9 (frame 3", "command 10 (frame 3", "command 11 (frame 3"));
  EXPECT_THAT(CommandsIn(Dump(trace, Frames(0, 0))),
              ElementsAre("command 0 (frame 0", "command 1 (frame 0", "command 2 (frame 0"));
  DumpFilter both = Frames(3, 4);
  both.first_command = 11;
  both.last_command = 12;
  EXPECT_THAT(CommandsIn(Dump(trace, both)),
              ElementsAre("command 11 (frame 3", "command 12 (frame 4"));
  EXPECT_EQ(Dump(trace, Frames(9, 9)), "");
}

TEST(Dump, WithoutAFilterEverythingIsThere) {
  const std::string dump = Dump(ScatteredTrace(2));
  EXPECT_THAT(dump, HasSubstr("session format_version=1"));
  EXPECT_EQ(CommandsIn(dump).size(), 6u);
}

TEST(Dump, FramesKeepTheirNumbersBehindALostChunk) {
  std::string trace = SmallTrace(5);
  const auto starts = ChunkStarts(trace);
  trace[starts[3] - 1] ^= 1;
  EXPECT_THAT(CommandsIn(Dump(trace)),
              ElementsAre("command 0 (frame 0", "command 1 (frame 0", "command 2 (frame 1",
                          "command 3 (frame 1", "command 6 (frame 3", "command 7 (frame 3",
                          "command 8 (frame 4", "command 9 (frame 4"));
  EXPECT_THAT(CommandsIn(Dump(trace, Frames(4, 4))),
              ElementsAre("command 8 (frame 4", "command 9 (frame 4"));
}

TEST(Dump, MemoryWithoutACommandIsHeldWithinBounds) {
  std::string trace;
  TraceWriter writer(std::make_unique<StringTraceFile>(&trace), QuietOptions());
  ASSERT_TRUE(writer.Write(SessionPacket()));
  const proto::Packet memory = MemoryPacket(1, std::vector<uint64_t>(4000), 4);
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(writer.Write(memory));
  ASSERT_TRUE(writer.Write(CommandPacket(0)));
  ASSERT_TRUE(writer.Close());
  DumpFilter filter;
  filter.last_command = 0;
  const std::string dump = Dump(trace, filter);
  EXPECT_LT(dump.size(), 17u << 20);
  EXPECT_THAT(dump.substr(dump.size() - 500), HasSubstr(" more packets are left out\ncommand 0"));
  EXPECT_THAT(Dump(trace, filter, true), HasSubstr("{\"packet\":\"memory\",\"left_out\":"));
}

std::string Printed(const proto::Packet& packet, bool json) {
  PacketPrintOptions options;
  options.json = json;
  std::string out;
  PrintPacket(packet, 0, 0, options, out);
  return out;
}

TEST(PrintPacket, PrintsNumbersThatAreZeroAndWordsThatAreNo) {
  proto::Packet packet;
  packet.mutable_frame();
  EXPECT_EQ(Printed(packet, false),
            "frame number=0 command=0 scanout=0 resource_id=0 x=0 y=0 width=0 height=0 format=0 "
            "time_ns=0 y_0_top=no\n");
  packet.mutable_heap_event()->add_place();
  EXPECT_EQ(Printed(packet, true),
            "{\"packet\":\"heap_event\",\"kind\":\"ATTACH\",\"command\":0,\"resource_id\":0,"
            "\"place\":[{\"heap\":0,\"offset\":0,\"size\":0}]}\n");
  packet.mutable_end();
  EXPECT_EQ(Printed(packet, true),
            "{\"packet\":\"end\",\"reason\":\"\",\"exited\":false,\"exit_status\":0,\"signal\":0,"
            "\"time_ns\":0}\n");
}

TEST(PrintPacket, LeavesOutWhatIsNotThere) {
  proto::Packet packet;
  packet.mutable_readback();
  EXPECT_EQ(Printed(packet, false), "readback command=0 resource_id=0 transient=no\n");
  packet.mutable_session();
  EXPECT_THAT(Printed(packet, true), Not(HasSubstr("virtio_features")));
  packet.mutable_session()->set_virtio_features(0);
  EXPECT_THAT(Printed(packet, true), HasSubstr("\"virtio_features\":0"));
}

}  // namespace
}  // namespace vgpu
