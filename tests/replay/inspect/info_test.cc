#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "replay/inspect/trace_info.h"
#include "tests/format/trace/trace_builder.h"

namespace vgpu {
namespace {

using testing::HasSubstr;
using testing::Not;

TraceInfo InfoOfText(const std::string& trace) {
  const MemoryFile file(trace);
  auto reader = TraceReader::Open(file.path());
  EXPECT_TRUE(reader) << reader.error().message;
  auto info = InfoOf(**reader);
  EXPECT_TRUE(info) << info.error().message;
  return *info;
}

proto::Packet HeapPacket(uint32_t id, const std::string& name) {
  proto::Packet packet;
  packet.mutable_heap()->set_id(id);
  packet.mutable_heap()->set_name(name);
  return packet;
}

// A heap before the first command and one in a later chunk, two losses, and an end.
std::string EventfulTrace() {
  std::string out;
  TraceWriter writer(std::make_unique<StringTraceFile>(&out), QuietOptions());
  EXPECT_TRUE(writer.Write(SessionPacket()));
  EXPECT_TRUE(writer.Write(HeapPacket(1, "early")));
  EXPECT_TRUE(writer.Write(CommandPacket(0)));
  EXPECT_TRUE(writer.Flush());
  proto::Packet loss;
  loss.mutable_loss()->set_commands(7);
  EXPECT_TRUE(writer.Write(loss));
  loss.mutable_loss()->clear_commands();
  EXPECT_TRUE(writer.Write(loss));
  EXPECT_TRUE(writer.Write(HeapPacket(2, "late")));
  EXPECT_TRUE(writer.Write(HeapPacket(3, std::string(1000, 'n'))));  // too long for the index
  EXPECT_TRUE(writer.Flush());
  proto::Packet end;
  end.mutable_end()->set_reason("the program ended");
  end.mutable_end()->set_exited(true);
  end.mutable_end()->set_exit_status(3);
  EXPECT_TRUE(writer.Write(end));
  EXPECT_TRUE(writer.Close());
  return out;
}

TEST(Info, TellsLossesTheEndAndLateHeaps) {
  const TraceInfo info = InfoOfText(EventfulTrace());
  const std::string text = InfoText("t.vgpu", info);
  EXPECT_THAT(text, HasSubstr("losses: 2, at least 7 commands\n"));
  EXPECT_THAT(text, HasSubstr("end: the program ended, exit status 3\n"));
  EXPECT_THAT(text, HasSubstr("heap 1: early, size not known\nheap 2: late, size not known\n"));
  EXPECT_THAT(text, Not(HasSubstr("heap 3")));
  const auto json = nlohmann::json::parse(InfoJson("t.vgpu", info));
  EXPECT_EQ(json["losses"], 2);
  EXPECT_EQ(json["lost_commands"], 7);
  EXPECT_EQ(json["end"]["exit_status"], 3);
  EXPECT_EQ(json["end"]["signal"], nullptr);
  EXPECT_EQ(json["heaps"].size(), 2u);
}

TEST(Info, TellsASignalAndAnEndThatIsMissing) {
  EXPECT_THAT(InfoText("t.vgpu", InfoOfText(SmallTrace(2))), HasSubstr("end: not recorded\n"));
  proto::Packet end;
  end.mutable_end()->set_reason("the program ended");
  end.mutable_end()->set_signal(9);
  const TraceInfo info = InfoOfText(ChunkOf({SessionPacket(), end}));
  EXPECT_THAT(InfoText("t.vgpu", info), HasSubstr("end: the program ended, signal 9\n"));
  EXPECT_THAT(InfoText("t.vgpu", info), HasSubstr("losses: not counted, for lack of an index\n"));
  EXPECT_EQ(nlohmann::json::parse(InfoJson("t.vgpu", info))["losses"], nullptr);
}

TEST(Info, TellsADamagedIndexFromOneThatWasNeverWritten) {
  std::string trace = EventfulTrace();
  const auto starts = ChunkStarts(trace);
  const std::string open = trace.substr(0, starts[starts.size() - 2]);
  EXPECT_THAT(InfoText("t.vgpu", InfoOfText(open)), HasSubstr("state: has no index; it was not"));
  trace[trace.size() - 10] ^= 1;
  const std::string text = InfoText("t.vgpu", InfoOfText(trace));
  EXPECT_THAT(text, HasSubstr("state: nothing is lost but the index; "));
  EXPECT_THAT(text, HasSubstr("index at offset "));
  EXPECT_THAT(text, Not(HasSubstr("has no index")));
  EXPECT_THAT(text, Not(HasSubstr("damage:")));
}

TEST(Info, GivesATerminalNothingToActOn) {
  proto::Packet session = SessionPacket();
  auto& facts = *session.mutable_session();
  for (std::string* text : {facts.mutable_producer(), facts.mutable_host(), facts.add_program(),
                            facts.add_blind_spots(), facts.mutable_renderer_library()}) {
    *text = "\x1b]0;title\x07";
  }
  proto::Packet gl;
  gl.mutable_gl()->set_vendor("\x1b[2J");
  gl.mutable_gl()->set_renderer("\x1b[2J");
  gl.mutable_gl()->set_version("\x1b[2J");
  proto::Packet end;
  end.mutable_end()->set_reason("\x1b[2J");
  const std::string trace =
      ChunkOf({session, gl, HeapPacket(1, "\x1b[2J"), CommandPacket(0), end}) + "garbage";
  const std::string text = InfoText("\x1b[2J.vgpu", InfoOfText(trace));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("recorded by \\x1b]0;title\\x07\n"));
}

}  // namespace
}  // namespace vgpu
