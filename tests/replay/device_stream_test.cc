// Streams are checked before the renderer sees them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replay/device/stream_guard.h"

namespace vgpu {
namespace {

using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

constexpr uint32_t kNop = 0, kSetSubCtx = 28, kInlineWrite = 9, kTransfer3d = 43,
                   kCopyTransfer3d = 45, kPipeResourceCreate = 48, kGetMemoryInfo = 50;
constexpr uint32_t kCut = 0xffff0000;
constexpr uint32_t kMinusOne = 0xffffffff;

uint32_t Header(uint32_t command, uint32_t length) { return command | length << 16; }

// The first piece of a resource's backing: as many bytes as its id says.
std::size_t PieceOf(uint32_t resource_id) { return resource_id; }

struct Outcome {
  std::vector<uint32_t> dwords;
  bool refused;
};

const StreamDevice kDevice{[](bool, uint32_t) { return true; },
                           [](const ResourceShape&) { return true; }, PieceOf};

Outcome Guard(std::vector<uint32_t> stream) {
  const GuardedStream guarded = GuardStream(stream, kDevice);
  return {{guarded.dwords.begin(), guarded.dwords.end()}, guarded.refused};
}

const std::vector<uint32_t> kGood = {Header(kSetSubCtx, 1), 5, Header(kNop, 0)};

std::vector<uint32_t> After(const std::vector<uint32_t>& first, const std::vector<uint32_t>& rest) {
  std::vector<uint32_t> out = first;
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

// A transfer command of `length` dwords with the given first layer and number of layers.
std::vector<uint32_t> TransferCommand(uint32_t command, uint32_t length, uint32_t z, uint32_t d) {
  std::vector<uint32_t> out(1 + length, 1);
  out[0] = Header(command, length);
  out[1 + 7] = z;
  out[1 + 10] = d;
  return out;
}

TEST(StreamGuard, AWellFormedStreamPassesUnchanged) {
  const auto stream = After(kGood, TransferCommand(kTransfer3d, 13, 0, 1));
  const Outcome outcome = Guard(stream);
  EXPECT_THAT(outcome.dwords, ElementsAreArray(stream));
  EXPECT_FALSE(outcome.refused);
  EXPECT_THAT(Guard({}).dwords, IsEmpty());
}

TEST(StreamGuard, AnUnknownCommandKeepsItsHeaderForTheRendererToRefuse) {
  const Outcome outcome = Guard(After(kGood, {Header(200, 1), 7, Header(kNop, 0)}));
  EXPECT_THAT(outcome.dwords, ElementsAreArray(After(kGood, {Header(200, 1)})));
  EXPECT_FALSE(outcome.refused);
}

TEST(StreamGuard, ACommandThatPassesTheEndBecomesOneThatStillDoes) {
  const Outcome outcome = Guard(After(kGood, {Header(kSetSubCtx, 9), 1, 2}));
  EXPECT_THAT(outcome.dwords, ElementsAreArray(After(kGood, {kCut})));
  EXPECT_FALSE(outcome.refused) << "the library answers 0 to these";
}

TEST(StreamGuard, ACommandThatIsTooShortIsCutAndRefused) {
  const Outcome outcome = Guard(After(kGood, {Header(kTransfer3d, 2), 1, 2, Header(kNop, 0)}));
  EXPECT_THAT(outcome.dwords, ElementsAreArray(After(kGood, {kCut})));
  EXPECT_TRUE(outcome.refused);
}

TEST(StreamGuard, TransfersOfNegativeLayersAreCutAndRefused) {
  for (const auto& [command, length] :
       {std::pair{kInlineWrite, 12u}, {kTransfer3d, 13u}, {kCopyTransfer3d, 14u}}) {
    EXPECT_THAT(Guard(TransferCommand(command, length, 0, 1)).dwords.size(), length + 1);
    for (const auto& [z, d] : {std::pair{kMinusOne, 1u}, {0u, kMinusOne}, {0x80000000u, 1u}}) {
      const Outcome outcome =
          Guard(After(kGood, After(TransferCommand(command, length, z, d), kGood)));
      EXPECT_THAT(outcome.dwords, ElementsAreArray(After(kGood, {kCut})));
      EXPECT_TRUE(outcome.refused);
    }
  }
}

TEST(StreamGuard, MemoryInfoGoesOnlyWhereTheBackingHasRoom) {
  const std::vector<uint32_t> fits = After(kGood, {Header(kGetMemoryInfo, 1), 24});
  EXPECT_THAT(Guard(fits).dwords, ElementsAreArray(fits));
  for (const uint32_t piece : {0u, 23u}) {
    const Outcome outcome = Guard(After(kGood, After({Header(kGetMemoryInfo, 1), piece}, kGood)));
    EXPECT_THAT(outcome.dwords, ElementsAreArray(After(kGood, {kCut})));
    EXPECT_TRUE(outcome.refused);
  }
}

TEST(StreamGuard, OnlyTheFirstFaultCounts) {
  const auto bad = TransferCommand(kTransfer3d, 13, kMinusOne, 1);
  EXPECT_THAT(Guard(After(kGood, After(bad, {Header(200, 0)}))).dwords,
              ElementsAreArray(After(kGood, {kCut})));
}

TEST(StreamGuard, AnnouncedResourcesAreToldUpToTheFault) {
  std::vector<uint32_t> stream = {
      Header(kPipeResourceCreate, 11), 2, 1, 10, 64, 32, 1, 1, 0, 0, 4, 77};
  const auto first = stream;
  stream = After(stream, {Header(kSetSubCtx, 0)});
  stream = After(stream, first);
  const GuardedStream guarded = GuardStream(stream, kDevice);
  ASSERT_EQ(guarded.announced.size(), 1u);
  EXPECT_EQ(guarded.announced[0].first, 77u);
  EXPECT_EQ(guarded.announced[0].second.width, 64u);
  EXPECT_EQ(guarded.announced[0].second.height, 32u);
  EXPECT_EQ(guarded.announced[0].second.flags, 4u);
}

}  // namespace
}  // namespace vgpu
