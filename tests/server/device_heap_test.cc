// The dedicated heap as a guest uses it.
#include "tests/server/heap_guest.h"

namespace vgpu::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DeviceHeap : public HeapGuest {
 protected:
  static wire::AllocationMetadata Question(uint32_t request_size, uint32_t response_size) {
    wire::AllocationMetadata request;
    request.request_id = 7;
    request.request_size = request_size;
    request.response_size = response_size;
    return request;
  }
  std::string AnswerTo(const wire::AllocationMetadata& question) {
    return Answer({CommandType::ALLOCATION_METADATA, question});
  }
};

TEST_F(DeviceHeap, AResourceIsUsedWhereTheGuestPlacedIt) {
  COVERS(RESOURCE_ATTACH_BACKING, OK_NODATA);
  BootWithHeap();
  MakeResources(1);
  Expect(Place(1, InHeap(3, 1)));
  ASSERT_EQ(BackingOf(1).size(), 1u);
  Fill(3, 1, 42);
  const auto* bytes = static_cast<const std::byte*>(BackingOf(1)[0].iov_base);
  EXPECT_EQ(BackingOf(1)[0].iov_len, kPageBytes);
  EXPECT_EQ(bytes[0], std::byte{42}) << "the renderer has the guest's own memory";
  EXPECT_EQ(bytes[kPageBytes - 1], std::byte{42});
}

TEST_F(DeviceHeap, WhatIsDrawnIntoItIsShown) {
  if (!Boot({.virgl = true, .heap_bytes = kHeapBytes})) GTEST_SKIP() << why_;
  Expect(ask::Create2d(1, 32, 32));
  Expect(Place(1, InHeap(8, 1)));
  for (uint32_t y = 0; y < 32; ++y) {
    for (uint32_t x = 0; x < 32; ++x) {
      const uint32_t pixel = Pixel(x, y);
      std::memcpy(&Pages(8, 1)[(y * 32 + x) * 4], &pixel, sizeof(pixel));
    }
  }
  Expect(ask::ToHost2d(1, Rect(0, 0, 32, 32)));
  Expect(ask::SetScanout(0, 1, Rect(0, 0, 32, 32)));
  Expect(Flush(1, Rect(0, 0, 32, 32)));
  EXPECT_TRUE(Shows(0, 32, 32));
}

TEST_F(DeviceHeap, BlobsOfTheGuestLieInItToo) {
  COVERS(RESOURCE_CREATE_BLOB, OK_NODATA);
  BootWithHeap();
  Expect(ask::CreateContext(1));
  Expect(CreateBlob(1, ask::Blob(1, kBlobMemGuest, 2 * kPageBytes), {InHeap(5, 2)}));
  ASSERT_EQ(BackingOf(1).size(), 1u);
  Expect(ask::Unref(1));
  Expect(CreateBlob(1, ask::Blob(2, kBlobMemGuest, 2 * kPageBytes), {InHeap(5, 2)}));
}

TEST_F(DeviceHeap, OrdinaryMemoryIsAttachedBesideIt) {
  BootWithHeap();
  MakePicture(1, 32, 32);
  MakeResources(0);
  Expect(ask::Create2d(2, 32, 32));
  Expect(Place(2, InHeap(0, 1)));
  ExpectAlive();
}

// The same with the two ways in which a front-end has the heap.
TEST_F(DeviceHeap, ThePoolOfTheDeviceIsMappedOnceAsAWhole) {
  BootWithHeap({.heap_mapped = true});
  HostVisibleWindow& window = guest().front_end().window();
  EXPECT_EQ(window.region(), 2);
  EXPECT_EQ(window.mapped(), (std::map<uint64_t, uint64_t>{{0, kHeapBytes}}));
  EXPECT_EQ(window.flags(), vhost::kMapWritable);
  for (int round = 0; round < 20; ++round) {
    MakeResources(8);
    for (uint32_t id = 1; id <= 8; ++id) Expect(Place(id, InHeap(id * 4, 4)));
    Fill(4, 4, round);
    EXPECT_EQ(*static_cast<const std::byte*>(BackingOf(1)[0].iov_base),
              static_cast<std::byte>(round));
    for (uint32_t id = 1; id <= 8; ++id) Expect(ask::Unref(id));
  }
  EXPECT_EQ(window.requests(), 1) << "nothing is mapped or unmapped while the guest runs";
}

TEST_F(DeviceHeap, IsMappedAgainAfterAReset) {
  BootWithHeap({.heap_mapped = true});
  MakeResources(1);
  Expect(Place(1, InHeap(0, 1)));
  ASSERT_TRUE(guest().Reboot());
  EXPECT_EQ(guest().front_end().window().requests(), 2);
  MakeResources(1);
  Expect(Place(1, InHeap(0, 1)));
  Fill(0, 1, 9);
  EXPECT_EQ(*static_cast<const std::byte*>(BackingOf(1)[0].iov_base), std::byte{9});
}

TEST_F(DeviceHeap, CanBeReadOnlyForTheGuest) {
  BootWithHeap({.heap_mapped = true, .heap_read_only = true});
  EXPECT_EQ(guest().front_end().window().flags(), 0u);
  MakeResources(1);
  Expect(Place(1, InHeap(0, 1)));
}

TEST_F(DeviceHeap, IsMissedOnceWhereTheGuestsMemoryHasNone) {
  ASSERT_TRUE(Boot({.heap_bytes = kHeapBytes, .heap_mapped = true})) << why_;
  ASSERT_TRUE(guest().front_end().RemoveHeap());
  ExpectAlive();
  ExpectAlive();
  EXPECT_THAT(guest().problems(),
              testing::ElementsAre(HasSubstr("no memory of the guest is the heap of 1048576")));
  Expect(ask::Create2d(1, 32, 32));
  Expect(Place(1, InHeap(0, 1)), "ERR_INVALID_PARAMETER");
}

TEST_F(DeviceHeap, PlacesEndWithTheHeap) {
  BootWithHeap();
  MakeResources(1);
  Expect(Place(1, InHeap(0, 1)));
  ASSERT_TRUE(guest().front_end().RemoveHeap());
  EXPECT_THAT(BackingOf(1), IsEmpty());
  EXPECT_EQ(guest().memory().used(), 0u);
  ASSERT_TRUE(guest().front_end().AddHeap(kHeapBytes));
  Expect(Place(1, InHeap(0, 1)));
}

// What lies where the heap comes to be is in nobody's account.
TEST_F(DeviceHeap, OrdinaryBackingsEndWhereAHeapComesToBe) {
  BootWithHeap({.heap_mapped = true});
  MakeResources(2);
  VhostUserFrontEnd& front_end = guest().front_end();
  ASSERT_TRUE(front_end.ShareHeap(kHeapBytes / 2));
  Expect(Place(1, {kHeapBase + 100, kPageBytes}));  // anywhere: it is no heap
  ASSERT_EQ(BackingOf(1).size(), 1u);
  ASSERT_TRUE(front_end.ShareHeap(kHeapBytes));
  EXPECT_THAT(BackingOf(1), IsEmpty());
  Expect(Place(2, InHeap(0, 4)));
}

TEST_F(DeviceHeap, AResetReleasesWhatWasPlaced) {
  BootWithHeap();
  MakeResources(1);
  Expect(Place(1, InHeap(0, 4)));
  ASSERT_TRUE(guest().Reboot());
  MakeResources(2);
  Expect(Place(1, InHeap(2, 4)));
  ExpectAlive();
}

TEST_F(DeviceHeap, IsDescribedToAGuestOfTheDraftOf2019) {
  COVERS(ALLOCATION_METADATA, OK_ALLOCATION_METADATA);
  BootWithHeap({.draft_2019 = true});
  const auto response = As<wire::RespAllocationMetadata>(
      {CommandType::ALLOCATION_METADATA, Question(0, 40)}, ResponseType::OK_ALLOCATION_METADATA);
  EXPECT_EQ(response.request_id, 7u);
  EXPECT_EQ(response.response_size, 40u);
  EXPECT_EQ(response.heap.heap_id, 1u);
  EXPECT_EQ(response.heap.flags, 0u);
  EXPECT_EQ(response.heap.base, kHeapBase);
  EXPECT_EQ(response.heap.size, kHeapBytes);
  EXPECT_EQ(response.heap.granularity, kPageBytes);
  EXPECT_EQ(response.heap.cache_mode, 1u);
}

TEST_F(DeviceHeap, OfWhichAQuestionThatCannotBeIsRefused) {
  COVERS(ALLOCATION_METADATA, ERR_INVALID_PARAMETER);
  BootWithHeap({.draft_2019 = true});
  EXPECT_EQ(AnswerTo(Question(0, 39)), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(AnswerTo(Question(1, 40)), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(AnswerTo(Question(kMax, kMax)), "ERR_INVALID_PARAMETER");
  Expect({CommandType::ALLOCATION_METADATA, wire::ResourceRequest()}, "ERR_INVALID_PARAMETER");
}

TEST_F(DeviceHeap, WithoutOneThereIsNothingToDescribe) {
  COVERS(ALLOCATION_METADATA, ERR_UNSPEC);
  ASSERT_TRUE(Boot({.draft_2019 = true})) << why_;
  EXPECT_EQ(AnswerTo(Question(0, 40)), "ERR_UNSPEC");
}

// Numbers that mean something else in it are not taken for the specification's.
TEST_F(DeviceHeap, TheDraftHasTheCommonCommandsAlone) {
  COVERS(RESOURCE_MAP_BLOB, ERR_UNSPEC);
  BootWithHeap({.draft_2019 = true});
  Expect(ask::CreateContext(1));
  Expect(ask::MapBlob(1, 0), "ERR_UNSPEC");
  Expect(ask::ForResource(CommandType::RESOURCE_UNMAP_BLOB, 1), "ERR_UNSPEC");
  Expect(CreateBlob(0, ask::Blob(1, kBlobMemGuest, kPageBytes), {InHeap(0, 1)}), "ERR_UNSPEC");
  MakePicture(1, 8, 8);
}

}  // namespace
}  // namespace vgpu::test
