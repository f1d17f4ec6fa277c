#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/protocol/limits.h"
#include "tests/format/trace/trace_builder.h"

namespace vgpu {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Recovering : public testing::Test {
 protected:
  // Recovers `trace`, and reads the result, which must be clean.
  std::vector<proto::Packet> Recover(const std::string& trace) {
    const MemoryFile from(trace);
    auto recovered = RecoverTrace(from.path(), to_, true);
    EXPECT_TRUE(recovered) << recovered.error().message;
    if (!recovered) return {};
    recovery_ = *recovered;
    auto reader = TraceReader::Open(to_);
    EXPECT_TRUE(reader) << reader.error().message;
    std::vector<proto::Packet> packets;
    for (const auto& bytes : ReadAll(**reader)) {
      EXPECT_TRUE(packets.emplace_back().ParseFromString(bytes));
    }
    EXPECT_TRUE((*reader)->summary().has_index);
    EXPECT_THAT((*reader)->summary().damage, IsEmpty());
    EXPECT_EQ((*reader)->summary().commands, recovery_.commands);
    return packets;
  }

  static std::vector<proto::Loss> LossesOf(const std::vector<proto::Packet>& packets) {
    std::vector<proto::Loss> losses;
    for (const auto& packet : packets) {
      if (packet.has_loss()) losses.push_back(packet.loss());
    }
    return losses;
  }

  const TemporaryFolder folder_;
  const std::filesystem::path to_ = folder_ / "clean.vgpu";
  const std::string trace_ = SmallTrace(5);
  const std::vector<size_t> starts_ = ChunkStarts(trace_);
  Recovery recovery_;
};

TEST_F(Recovering, AWholeTraceIsCopied) {
  const auto packets = Recover(trace_);
  const MemoryFile file(trace_);
  auto reader = TraceReader::Open(file.path());
  ASSERT_TRUE(reader);
  std::vector<std::string> copied;
  for (const auto& packet : packets) copied.push_back(packet.SerializeAsString());
  EXPECT_EQ(copied, ReadAll(**reader));
  EXPECT_EQ(recovery_.packets, 26u);
  EXPECT_EQ(recovery_.frames, 5u);
  EXPECT_FALSE(recovery_.truncated);
  EXPECT_THAT(recovery_.damage, IsEmpty());
}

TEST_F(Recovering, ACutTailBecomesALoss) {
  const auto packets = Recover(trace_.substr(0, starts_[4] + 50));
  EXPECT_TRUE(recovery_.truncated);
  EXPECT_EQ(recovery_.commands, 8u);
  ASSERT_TRUE(packets.back().has_loss());
  EXPECT_EQ(packets.back().loss().first_command(), 8u);
  EXPECT_EQ(packets.back().loss().reason(), "the file was cut inside its last chunk");
}

// Damage found by the index's reader and by the walk comes to the same place.
TEST_F(Recovering, DamageBecomesALossInItsPlace) {
  std::string damaged = trace_;
  damaged[starts_[3] - 1] ^= 1;
  for (const std::string& trace :
       {damaged, damaged.substr(0, starts_[5]), "x" + damaged.substr(0, starts_[5])}) {
    const auto packets = Recover(trace);
    EXPECT_EQ(recovery_.commands, 8u);
    const proto::Packet* before = nullptr;
    for (const auto& packet : packets) {
      if (packet.has_loss() && packet.loss().commands() == 2) break;
      before = &packet;
    }
    ASSERT_NE(before, nullptr);
    EXPECT_EQ(before->frame().number(), 1u);
    const auto losses = LossesOf(packets);
    ASSERT_FALSE(losses.empty());
    EXPECT_EQ(losses.back().first_command(), 4u);
    EXPECT_THAT(losses.back().reason(), HasSubstr("; skipped 2 commands"));
  }
}

TEST_F(Recovering, ADamagedOrCutIndexIsNoLoss) {
  std::vector<std::string> traces = {trace_, trace_, trace_.substr(0, trace_.size() - 5)};
  traces[0][trace_.size() - 10] ^= 1;  // in its payload
  traces[1][starts_[5] + 30] ^= 1;     // in its head
  for (const std::string& trace : traces) {
    EXPECT_THAT(LossesOf(Recover(trace)), IsEmpty());
    EXPECT_THAT(recovery_.damage, IsEmpty());
    EXPECT_FALSE(recovery_.truncated);
    EXPECT_THAT(recovery_.index_damage.value_or(""), HasSubstr("index at offset "));
    EXPECT_EQ(recovery_.commands, 10u);
  }
}

TEST_F(Recovering, ASessionAboveTheLimitsIsReplaced) {
  proto::Packet session = SessionPacket();
  session.mutable_session()->set_producer(std::string(limits::kMaxFactBytes + 1, 'x'));
  const auto packets = Recover(ChunkOf({session, CommandPacket(0)}));
  ASSERT_EQ(packets.size(), 4u);
  EXPECT_THAT(packets[0].session().blind_spots(),
              ElementsAre(HasSubstr("The session packet was damaged")));
  EXPECT_EQ(recovery_.commands, 1u);
}

TEST_F(Recovering, ALossThatNamesAFileThatIsNotUtf8CanBeRead) {
  std::string damaged = trace_;
  damaged[starts_[3] - 1] ^= 1;
  const auto path = folder_ / "dmg\xe9.vgpu";
  auto file = CreateTraceFile(path, false);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->Append(AsBytes(damaged)));
  ASSERT_TRUE(RecoverTrace(path, to_, true));
  const auto reader = TraceReader::Open(to_);
  ASSERT_TRUE(reader);
  EXPECT_THAT(ReadAll(**reader), Contains(HasSubstr("dmg\xef\xbf\xbd.vgpu: chunk at offset")));
  EXPECT_THAT((*reader)->summary().damage, IsEmpty());
}

// Each stretch is written once and in its place, however many there are.
TEST_F(Recovering, ManyStretchesOfDamageAreWrittenInOnePass) {
  std::string trace = ChunkOf({SessionPacket()});
  constexpr uint64_t kStretches = 3000;
  for (uint64_t i = 0; i < kStretches; ++i) {
    proto::Packets payload;
    *payload.add_packet() = CommandPacket(i);
    proto::Range range;
    range.set_first_command(i);
    range.set_commands(1);
    trace += ChunkOf(payload.SerializeAsString(), range) + "garbage";
  }
  uint64_t expected = 0;
  for (const proto::Packet& packet : Recover(trace)) {
    if (packet.has_loss()) {
      ASSERT_EQ(packet.loss().first_command(), expected);
    }
    if (packet.has_command()) {
      ASSERT_EQ(packet.command().number(), expected++);
    }
  }
  EXPECT_EQ(recovery_.commands, kStretches);
  EXPECT_EQ(recovery_.packets, 1 + 2 * kStretches);
}

TEST_F(Recovering, BlobsKeepTheirIdsBehindDamage) {
  std::string damaged = trace_;
  damaged[starts_[3] - 1] ^= 1;
  Recover(damaged);
  const auto reader = TraceReader::Open(to_);
  ASSERT_TRUE(reader);
  const auto blob = (*reader)->Blob(3);
  ASSERT_TRUE(blob) << blob.error().message;
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(blob->data()), 9), "content 3");
  EXPECT_THAT((*reader)->Blob(2).error().message, HasSubstr("blob 2 is not in the file"));
}

TEST_F(Recovering, MemoryWithoutItsBlobsBecomesALoss) {
  std::string trace = ChunkOf({SessionPacket()});
  proto::Packet blob;
  blob.mutable_blob()->set_data("data");
  std::string lost = ChunkOf({blob, CommandPacket(0)});
  lost.back() ^= 1;
  proto::Packet frame = FramePacket(0, 1);
  frame.mutable_frame()->add_picture(0);
  proto::Packets behind;
  for (const auto& packet : {MemoryPacket(9, {0}, 4), CommandPacket(1), frame}) {
    *behind.add_packet() = packet;
  }
  proto::Range range;
  range.set_first_command(1);
  range.set_commands(1);
  range.set_frames(1);
  range.set_first_blob(1);
  trace += lost + ChunkOf(behind.SerializeAsString(), range);
  const auto packets = Recover(trace);
  const auto losses = LossesOf(packets);
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_EQ(losses[1].first_command(), 1u);
  EXPECT_EQ(losses[1].bytes(), 4u);
  EXPECT_EQ(losses[1].reason(), "memory of resource 9 for command 1 is lost with its blobs");
  ASSERT_EQ(packets.size(), 5u);
  EXPECT_EQ(packets[3].command().number(), 1u);
  EXPECT_THAT(packets[4].frame().picture(), IsEmpty());
  EXPECT_EQ(packets[4].frame().digest(), std::string(16, 'd'));
}

TEST_F(Recovering, ALostSessionIsReplacedByOneThatSaysSo) {
  std::string trace = trace_;
  trace[starts_[1] - 1] ^= 1;
  const auto packets = Recover(trace);
  ASSERT_TRUE(packets[0].has_session());
  EXPECT_THAT(packets[0].session().blind_spots(),
              ElementsAre(HasSubstr("The session packet was damaged")));
  EXPECT_EQ(recovery_.commands, 8u);
}

TEST_F(Recovering, NumbersThatGoBackInsideAChunkAreLosses) {
  proto::Packets payload;
  *payload.add_packet() = SessionPacket();
  *payload.add_packet() = CommandPacket(5);
  *payload.add_packet() = CommandPacket(4);
  *payload.add_packet() = CommandPacket(6);
  const auto packets = Recover(ChunkOf(payload.SerializeAsString(), {}));
  EXPECT_EQ(recovery_.commands, 2u);
  ASSERT_EQ(LossesOf(packets).size(), 1u);
  EXPECT_EQ(LossesOf(packets)[0].commands(), 1u);
  EXPECT_THAT(LossesOf(packets)[0].reason(), HasSubstr("command 4 comes where 6 is the next"));
}

TEST_F(Recovering, ProgressIsToldChunkByChunk) {
  const MemoryFile from(trace_);
  std::vector<uint64_t> told;
  ASSERT_TRUE(RecoverTrace(from.path(), to_, true, [&](uint64_t done, uint64_t all) {
    EXPECT_EQ(all, trace_.size());
    told.push_back(done);
  }));
  EXPECT_EQ(told, (std::vector<uint64_t>{starts_[1], starts_[2], starts_[3], starts_[4]}));
}

TEST_F(Recovering, TheSourceIsNeverTheTarget) {
  const auto path = folder_ / "a.vgpu";
  {
    auto file = CreateTraceFile(path, false);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->Append(AsBytes(trace_)));
  }
  const auto recovered = RecoverTrace(path, folder_ / "./a.vgpu", true);
  ASSERT_FALSE(recovered);
  EXPECT_EQ(recovered.error().code, ErrorCode::kUsage);
  EXPECT_THAT(recovered.error().message, HasSubstr("a.vgpu cannot be recovered into itself"));
  EXPECT_TRUE(RecoverTrace(path, to_, false));
  EXPECT_EQ(RecoverTrace(path, to_, false).error().message,
            to_.string() + " exists and is not overwritten");
}

}  // namespace
}  // namespace vgpu
