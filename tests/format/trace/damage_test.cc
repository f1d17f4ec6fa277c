// Files that are cut, changed, added to: always a clean result or a sentence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/format/trace/trace_builder.h"

namespace vgpu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;

constexpr int kChunks = 5;
constexpr size_t kPacketsPerChunk = 5;  // blob, memory, two commands, frame

// What a reader makes of a file that opens.
struct Outcome {
  std::vector<std::string> packets;
  TraceSummary summary;
};

Outcome ReadFile(const MemoryFile& file) {
  auto reader = TraceReader::Open(file.path());
  EXPECT_TRUE(reader) << reader.error().message;
  if (!reader) return {};
  Outcome outcome;
  outcome.packets = ReadAll(**reader);
  outcome.summary = (*reader)->summary();
  return outcome;
}

Outcome ReadText(const std::string& trace) { return ReadFile(MemoryFile(trace)); }

// The packets of SmallTrace without those of one chunk.
std::vector<std::string> Without(std::vector<std::string> packets, size_t chunk) {
  // The session makes the first chunk longer.
  const size_t first = chunk == 0 ? 0 : 1 + chunk * kPacketsPerChunk;
  const size_t count = kPacketsPerChunk + (chunk == 0 ? 1 : 0);
  const auto begin = packets.begin() + static_cast<ptrdiff_t>(first);
  packets.erase(begin, begin + static_cast<ptrdiff_t>(count));
  return packets;
}

std::string WithoutIndex(const std::string& trace) {
  const auto starts = ChunkStarts(trace);
  return trace.substr(0, starts[starts.size() - 2]);
}

class Damaged : public testing::Test {
 protected:
  const std::string trace_ = SmallTrace(kChunks);
  const std::vector<size_t> starts_ = ChunkStarts(trace_);
  const std::vector<std::string> all_ = ReadText(trace_).packets;
};

TEST_F(Damaged, TheSmallTraceIsWhole) {
  EXPECT_EQ(all_.size(), 1 + kChunks * kPacketsPerChunk);
  EXPECT_EQ(starts_.size(), kChunks + 2u);  // the closing chunk, and the end
}

TEST_F(Damaged, CutAtEachByteOfTheLastTwoChunksKeepsTheChunksBefore) {
  for (size_t cut = starts_[kChunks - 2]; cut < trace_.size(); ++cut) {
    SCOPED_TRACE(cut);
    const Outcome outcome = ReadText(trace_.substr(0, cut));
    const auto behind = std::upper_bound(starts_.begin(), starts_.end(), cut);
    const auto whole = std::min<size_t>(static_cast<size_t>(behind - starts_.begin()) - 1, kChunks);
    EXPECT_EQ(outcome.packets.size(), 1 + whole * kPacketsPerChunk);
    const bool inside = *std::prev(behind) != cut;
    // Once the index's head is there, it is known that no packet is cut.
    EXPECT_EQ(outcome.summary.truncated || outcome.summary.index_damage, inside);
    EXPECT_FALSE(outcome.summary.index_damage && cut < starts_[kChunks]);
    EXPECT_FALSE(outcome.summary.has_index);
    EXPECT_THAT(outcome.summary.damage, IsEmpty());
  }
}

TEST_F(Damaged, CutInsideTheFirstChunkIsASentence) {
  for (size_t cut = 1; cut < starts_[1]; ++cut) {
    const MemoryFile file(trace_.substr(0, cut));
    const auto reader = TraceReader::Open(file.path());
    ASSERT_FALSE(reader) << cut;
    EXPECT_EQ(reader.error().code, ErrorCode::kUnreadable);
    EXPECT_EQ(reader.error().message, file.path().string() +
                                          " ends inside its first chunk, after " +
                                          std::to_string(cut) + " bytes");
  }
}

// Bits of one chunk turned, one at a time: each is noticed, and exactly that chunk is missing.
// Where that is the index, it is no damage. `stride` 1 takes each bit, 7 one or two of each byte.
void FlipBits(const std::string& trace, const std::vector<size_t>& starts, size_t chunk,
              size_t stride, const std::vector<std::string>& expected) {
  MemoryFile file(trace);
  const bool packets_lost = chunk != kChunks;
  for (size_t bit = starts[chunk] * 8; bit < starts[chunk + 1] * 8; bit += stride) {
    const size_t at = bit / 8;
    SCOPED_TRACE(testing::Message() << "byte " << at - starts[chunk] << " bit " << bit % 8);
    file.Put(at, static_cast<char>(trace[at] ^ (1 << (bit % 8))));
    const Outcome outcome = ReadFile(file);
    ASSERT_EQ(outcome.packets.size(), expected.size());
    ASSERT_EQ(outcome.packets, expected);
    ASSERT_NE(outcome.summary.damage.empty(), packets_lost);
    ASSERT_NE(outcome.summary.index_damage.has_value(), packets_lost);
    ASSERT_FALSE(outcome.summary.truncated);
    file.Put(at, trace[at]);
  }
}

TEST_F(Damaged, AnyFlippedBitInAChunkCostsThatChunk) {
  FlipBits(trace_, starts_, 2, 1, Without(all_, 2));
}

TEST_F(Damaged, AFlippedByteInAChunkOfAFileWithoutIndexCostsThatChunk) {
  FlipBits(WithoutIndex(trace_), starts_, 2, 7, Without(all_, 2));
}

TEST_F(Damaged, AFlippedByteInTheFirstChunkCostsThatChunk) {
  FlipBits(trace_, starts_, 0, 7, Without(all_, 0));
}

TEST_F(Damaged, AFlippedByteInTheLastChunkOfAFileWithoutIndexCostsThatChunk) {
  FlipBits(WithoutIndex(trace_), starts_, kChunks - 1, 7, Without(all_, kChunks - 1));
}

TEST_F(Damaged, AFlippedByteInTheIndexCostsNoPacket) {
  FlipBits(trace_, starts_, kChunks, 7, all_);
}

TEST_F(Damaged, AFlippedByteInAnUncompressedChunkCostsThatChunk) {
  const std::string trace = SmallTrace(kChunks, 0);
  FlipBits(trace, ChunkStarts(trace), 1, 7, Without(all_, 1));
}

TEST_F(Damaged, GarbageBetweenChunksIsPassed) {
  for (const size_t length : {1u, 23u, 600u, 3000000u}) {
    std::string trace = trace_;
    trace.insert(starts_[3], std::string(length, '\n'));
    const Outcome outcome = ReadText(trace);
    EXPECT_EQ(outcome.packets, all_);
    ASSERT_EQ(outcome.summary.damage.size(), 1u);
    const Damage& damage = outcome.summary.damage[0];
    EXPECT_EQ(damage.offset, starts_[3]);
    EXPECT_EQ(damage.size, length);
    EXPECT_EQ(damage.first_command, 6u);
    EXPECT_EQ(damage.commands, 0u);
    EXPECT_THAT(damage.what, HasSubstr("chunk at offset " + std::to_string(starts_[3]) +
                                       " has no sync marker; skipped 0 commands"));
  }
}

TEST_F(Damaged, GarbageBeforeTheFirstChunkIsPassed) {
  const Outcome outcome = ReadText("garbage" + trace_);
  EXPECT_EQ(outcome.packets, all_);
  EXPECT_EQ(outcome.summary.damage.at(0).size, 7u);
}

TEST_F(Damaged, BytesAddedInsideAChunkCostThatChunk) {
  std::string trace = trace_;
  trace.insert(starts_[2] + 100, "more");
  const Outcome outcome = ReadText(trace);
  EXPECT_EQ(outcome.packets, Without(all_, 2));
  ASSERT_EQ(outcome.summary.damage.size(), 1u);
  EXPECT_EQ(outcome.summary.damage[0].offset, starts_[2]);
  EXPECT_EQ(outcome.summary.damage[0].size, starts_[3] - starts_[2] + 4);
  EXPECT_EQ(outcome.summary.damage[0].commands, 2u);
}

TEST_F(Damaged, BytesLostInsideAChunkCostThatChunk) {
  std::string trace = trace_;
  trace.erase(starts_[2] + 100, 5);
  const Outcome outcome = ReadText(trace);
  EXPECT_EQ(outcome.packets, Without(all_, 2));
  ASSERT_EQ(outcome.summary.damage.size(), 1u);
  EXPECT_THAT(outcome.summary.damage[0].what,
              MatchesRegex(".*: chunk at offset [0-9]+ has checksum 0x[0-9a-f]{16}, expected "
                           "0x[0-9a-f]{16}; skipped 2 commands"));
}

TEST_F(Damaged, BytesLostInsideTheLastChunkOfAFileWithoutIndexAreACutTail) {
  std::string trace = WithoutIndex(trace_);
  trace.erase(trace.size() - 30, 5);
  const Outcome outcome = ReadText(trace);
  EXPECT_EQ(outcome.packets, Without(all_, kChunks - 1));
  EXPECT_TRUE(outcome.summary.truncated);
}

TEST_F(Damaged, ZerosAtTheEndAreDamage) {
  const Outcome outcome = ReadText(WithoutIndex(trace_) + std::string(4096, '\0'));
  EXPECT_EQ(outcome.packets, all_);
  EXPECT_FALSE(outcome.summary.truncated);
  ASSERT_EQ(outcome.summary.damage.size(), 1u);
  EXPECT_EQ(outcome.summary.damage[0].commands, std::nullopt);
  EXPECT_THAT(outcome.summary.damage[0].what, HasSubstr("has no sync marker; skipped 4096 bytes"));
}

// The second one is longer, so that its later chunks have numbers that the first has not.
TEST_F(Damaged, ASecondTraceBehindTheFirstIsNotMixedIn) {
  const Outcome outcome = ReadText(trace_ + SmallTrace(2 * kChunks));
  EXPECT_EQ(outcome.packets, all_);
  ASSERT_EQ(outcome.summary.damage.size(), 1u);
  EXPECT_EQ(outcome.summary.damage[0].offset, trace_.size());
  EXPECT_THAT(outcome.summary.damage[0].what,
              HasSubstr("stands behind the index, which ends a trace"));
}

TEST_F(Damaged, ASecondTraceBehindOneThatWasNotClosedIsNotMixedIn) {
  const std::string first = WithoutIndex(trace_);
  const Outcome outcome = ReadText(first + SmallTrace(2 * kChunks));
  EXPECT_EQ(outcome.packets, all_);
  ASSERT_EQ(outcome.summary.damage.size(), 1u);
  EXPECT_EQ(outcome.summary.damage[0].offset, first.size());
  EXPECT_THAT(outcome.summary.damage[0].what,
              HasSubstr("begins with command 0, frame 0 and blob 0, which came before"));
}

// Chunks with a byte between them: each is looked for, in a window that is read once.
TEST_F(Damaged, ManySmallStretchesAreWalkedInOnePass) {
  proto::Range range;
  range.set_first_command(2 * kChunks);
  range.set_first_frame(kChunks);
  range.set_first_blob(kChunks);
  const std::string chunk = ChunkOf("", range);
  std::string trace = WithoutIndex(trace_);
  for (int i = 0; i < 50000; ++i) trace += 'x' + chunk;
  const MemoryFile file(trace);
  rusage before = {}, after = {};
  getrusage(RUSAGE_SELF, &before);
  const auto reader = TraceReader::Open(file.path());
  getrusage(RUSAGE_SELF, &after);
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->summary().damage.size(), 50000u);
  // A megabyte for each of them would take some ten seconds.
  EXPECT_LT(after.ru_utime.tv_sec + after.ru_stime.tv_sec,
            before.ru_utime.tv_sec + before.ru_stime.tv_sec + 5);
}

TEST_F(Damaged, DamageIsReportedOnceHoweverOftenItIsRead) {
  std::string trace = trace_;
  trace[starts_[3] - 1] ^= 1;
  const MemoryFile file(trace);
  const auto reader = TraceReader::Open(file.path());
  ASSERT_TRUE(reader);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ReadAll(**reader), Without(all_, 2));
    ASSERT_TRUE((*reader)->Rewind());
  }
  EXPECT_FALSE((*reader)->Blob(2));
  ASSERT_EQ((*reader)->summary().damage.size(), 1u);
  EXPECT_EQ((*reader)->summary().damage[0].offset, starts_[2]);
  EXPECT_EQ((*reader)->summary().damage[0].first_command, 4u);
  EXPECT_EQ((*reader)->summary().damage[0].commands, 2u);
}

TEST_F(Damaged, ABlobInADamagedChunkIsNamedWithItsPlace) {
  std::string trace = trace_;
  trace[starts_[3] - 1] ^= 1;
  const MemoryFile file(trace);
  const auto reader = TraceReader::Open(file.path());
  ASSERT_TRUE(reader);
  const auto blob = (*reader)->Blob(2);
  ASSERT_FALSE(blob);
  EXPECT_EQ(blob.error().code, ErrorCode::kUnreadable);
  EXPECT_THAT(blob.error().message,
              MatchesRegex(".*: blob 2 cannot be read: chunk at offset " +
                           std::to_string(starts_[2]) + " has checksum .*, expected .*"));
  EXPECT_TRUE((*reader)->Blob(3));
  EXPECT_THAT((*reader)->Blob(99).error().message, HasSubstr("blob 99 is not in the file"));
}

TEST_F(Damaged, ABlobInAChunkThatTheWalkPassedIsNamedWithItsPlace) {
  std::string trace = WithoutIndex(trace_);
  trace[starts_[2] + 10] ^= 1;
  const MemoryFile file(trace);
  const auto reader = TraceReader::Open(file.path());
  ASSERT_TRUE(reader);
  EXPECT_THAT((*reader)->Blob(2).error().message,
              HasSubstr("blob 2 lay in what is damaged from offset " + std::to_string(starts_[2]) +
                        " to " + std::to_string(starts_[3])));
}

TEST_F(Damaged, ALostSessionIsReported) {
  std::string trace = trace_;
  trace[starts_[1] - 1] ^= 1;
  const MemoryFile file(trace);
  const auto reader = TraceReader::Open(file.path());
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ((*reader)->session().format_version(), 0u);
  EXPECT_THAT((*reader)->summary().damage.back().what,
              HasSubstr("the session, which stands first, is lost"));
}

}  // namespace
}  // namespace vgpu
