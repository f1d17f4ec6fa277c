// A guest that breaks the rules of the dedicated heap, one by one, through the queue.
#include <atomic>
#include <thread>

#include "tests/server/heap_guest.h"

namespace vgpu::test {
namespace {

class HostileHeap : public HeapGuest {};

// Against places in the heap that reach out of it, or are not whole pages.

TEST_F(HostileHeap, PlacesThatReachOutOfItAreRefused) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_INVALID_PARAMETER);
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_PARAMETER);
  BootWithHeap();
  MakeResources(1);
  const uint64_t end = kHeapBase + kHeapBytes;
  for (const BackingEntry& entry :
       {BackingEntry{end - kPageBytes, 2 * kPageBytes},
        BackingEntry{kHeapBase - kPageBytes, 2 * kPageBytes},
        BackingEntry{kHeapBase, kHeapBytes + kPageBytes}, BackingEntry{end, kPageBytes},
        BackingEntry{kHeapBase, 0xfffff000}, BackingEntry{kHeapBase - 1, 2}}) {
    Expect(Place(1, entry), "ERR_INVALID_PARAMETER");
    Expect(CreateBlob(0, ask::Blob(2, kBlobMemGuest, 1), {entry}), "ERR_INVALID_PARAMETER");
  }
  EXPECT_EQ(guest().memory().used(), 0u);
  Expect(Place(1, InHeap(255, 1)));
}

TEST_F(HostileHeap, PlacesThatAreNotWholePagesAreRefused) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_INVALID_PARAMETER);
  BootWithHeap();
  MakeResources(1);
  Expect(Place(1, {kHeapBase + 1, kPageBytes}), "ERR_INVALID_PARAMETER");
  Expect(Place(1, {kHeapBase + kPageBytes / 2, kPageBytes}), "ERR_INVALID_PARAMETER");
  Expect(Place(1, {kHeapBase, kPageBytes - 1}), "ERR_INVALID_PARAMETER");
  Expect(Place(1, {kHeapBase, 1}), "ERR_INVALID_PARAMETER");
  Expect(Place(1, InHeap(0, 1)));
}

// Against places in the heap over another, twice, or in pieces.

TEST_F(HostileHeap, PlacesOverAnotherAreRefused) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_INVALID_PARAMETER);
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_PARAMETER);
  BootWithHeap();
  MakeResources(2);
  Expect(Place(1, InHeap(10, 4)));
  for (const auto& [page, pages] :
       {std::pair{10u, 4u}, {9u, 2u}, {13u, 2u}, {11u, 1u}, {0u, 256u}}) {
    Expect(Place(2, InHeap(page, pages)), "ERR_INVALID_PARAMETER");
    Expect(CreateBlob(0, ask::Blob(3, kBlobMemGuest, 1), {InHeap(page, pages)}),
           "ERR_INVALID_PARAMETER");
  }
  Expect(Place(2, InHeap(14, 1)));
  Expect(ask::Detach(1));
  Expect(Place(1, InHeap(9, 5)));
}

TEST_F(HostileHeap, AResourceIsPlacedOnce) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_UNSPEC);
  BootWithHeap();
  MakeResources(2);
  Expect(Place(1, InHeap(0, 1)));
  Expect(Place(1, InHeap(4, 1)), "ERR_UNSPEC");
  Expect(Place(1, InHeap(0, 1)), "ERR_UNSPEC");
  Expect(Attach(1, Scattered(kPageBytes)), "ERR_UNSPEC");
  Expect(Place(2, InHeap(4, 1)));
  Expect(Place(2, InHeap(0, 1)), "ERR_UNSPEC");
}

TEST_F(HostileHeap, APlaceIsOneEntry) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_INVALID_PARAMETER);
  BootWithHeap();
  MakeResources(1);
  const BackingEntry page = {kGuestBase, kPageBytes};
  Expect(Attach(1, {InHeap(0, 1), InHeap(1, 1)}), "ERR_INVALID_PARAMETER");
  Expect(Attach(1, {page, InHeap(1, 1)}), "ERR_INVALID_PARAMETER");
  Expect(Attach(1, {InHeap(0, 1), page}), "ERR_INVALID_PARAMETER");
  Expect(CreateBlob(0, ask::Blob(2, kBlobMemGuest, 1), {page, InHeap(0, 1)}),
         "ERR_INVALID_PARAMETER");
  EXPECT_EQ(guest().memory().used(), 0u);
  Expect(Attach(1, {page, page}));
}

// Against a context that takes more of the heap than its quota, or what is another's.

TEST_F(HostileHeap, AContextHasNoMoreThanItsQuota) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_OUT_OF_MEMORY);
  COVERS(RESOURCE_CREATE_BLOB, ERR_OUT_OF_MEMORY);
  BootWithHeap({.heap_quota = 8 * kPageBytes});
  MakeContexts(2);
  MakeResources(3);
  Expect(Place(1, InHeap(0, 8), 1));
  Expect(Place(2, InHeap(8, 1), 1), "ERR_OUT_OF_MEMORY");
  Expect(CreateBlob(1, ask::Blob(9, kBlobMemGuest, 1), {InHeap(8, 1)}), "ERR_OUT_OF_MEMORY");
  Expect(Place(2, InHeap(8, 8), 2));
  Expect(Place(3, InHeap(16, 64)));  // the driver's own
  Expect(ask::Detach(1));
  Expect(CreateBlob(1, ask::Blob(9, kBlobMemGuest, 1), {InHeap(0, 8)}));
}

TEST_F(HostileHeap, AContextThatIsNotThereOwnsNothing) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_INVALID_CONTEXT_ID);
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_CONTEXT_ID);
  BootWithHeap();
  MakeResources(1);
  Expect(Place(1, InHeap(0, 1), 5), "ERR_INVALID_CONTEXT_ID");
  Expect(CreateBlob(5, ask::Blob(2, kBlobMemGuest, 1), {InHeap(0, 1)}), "ERR_INVALID_CONTEXT_ID");
  Expect(Attach(1, Scattered(kPageBytes)).On(5));  // nobody owns ordinary memory
}

TEST_F(HostileHeap, WhatAnotherContextPlacedIsNotReleased) {
  COVERS(RESOURCE_DETACH_BACKING, ERR_INVALID_CONTEXT_ID);
  COVERS(RESOURCE_UNREF, ERR_INVALID_CONTEXT_ID);
  BootWithHeap();
  MakeContexts(2);
  MakeResources(3);
  Expect(Place(1, InHeap(0, 1), 1));
  Expect(Place(2, InHeap(1, 1)));
  Fill(0, 2, 7);
  for (const uint32_t id : {1u, 2u}) {
    for (const uint32_t ctx : {2u, 9u}) {
      Expect(ask::Detach(id).On(ctx), "ERR_INVALID_CONTEXT_ID");
      Expect(ask::Unref(id).On(ctx), "ERR_INVALID_CONTEXT_ID");
    }
    EXPECT_EQ(BackingOf(id).size(), 1u);
  }
  EXPECT_TRUE(Holds(0, 2, 7));
  Expect(ask::Detach(1).On(1));
  Expect(ask::Unref(2));
}

// Against memory of the heap that has what another owner left in it.

TEST_F(HostileHeap, AnotherContextsMemoryIsZero) {
  BootWithHeap();
  MakeContexts(2);
  MakeResources(2);
  Expect(Place(1, InHeap(0, 4), 1));
  Fill(0, 4, 7);
  Expect(ask::Detach(1).On(1));
  Expect(Place(1, InHeap(0, 2), 1));
  EXPECT_TRUE(Holds(0, 2, 7)) << "its own";
  Expect(Place(2, InHeap(2, 2), 2));
  EXPECT_TRUE(Holds(2, 2, 0)) << "another's";
}

// A context that has the number of one that is gone is another.
TEST_F(HostileHeap, TheMemoryOfAContextThatIsGoneIsZero) {
  BootWithHeap();
  MakeContexts(1);
  MakeResources(1);
  Expect(Place(1, InHeap(0, 4), 1));
  Fill(0, 4, 7);
  Expect(ask::DestroyContext(1));
  Expect(ask::CreateContext(1));
  Expect(ask::Detach(1).On(1), "ERR_INVALID_CONTEXT_ID");
  Expect(ask::Detach(1));
  Expect(Place(1, InHeap(0, 4), 1));
  EXPECT_TRUE(Holds(0, 4, 0));
}

// The driver places for contexts without saying for which.
TEST_F(HostileHeap, TheMemoryOfAnotherResourceOfTheDriversIsZero) {
  BootWithHeap();
  MakeResources(2);
  Expect(Place(1, InHeap(0, 4)));
  Fill(0, 4, 7);
  Expect(ask::Detach(1));
  Expect(Place(1, InHeap(0, 4)));
  EXPECT_TRUE(Holds(0, 4, 7)) << "the same resource";
  Expect(ask::Unref(1));
  Expect(Place(2, InHeap(1, 1)));
  EXPECT_TRUE(Holds(1, 1, 0));
  EXPECT_TRUE(Holds(2, 2, 7)) << "nobody's now";
}

// As when the guest turns the decoding of the heap's BAR off and on.
TEST_F(HostileHeap, MemoryIsZeroInAHeapThatWentAndCame) {
  BootWithHeap({.heap_mapped = true});
  MakeContexts(2);
  MakeResources(2);
  Expect(Place(1, InHeap(0, 4), 1));
  Fill(0, 4, 7);
  ASSERT_TRUE(guest().front_end().RemoveHeap());
  ASSERT_TRUE(guest().front_end().ShareHeap(kHeapBytes));
  EXPECT_TRUE(Holds(0, 4, 7)) << "the same memory";
  Expect(Place(2, InHeap(0, 4), 2));
  EXPECT_TRUE(Holds(0, 4, 0));
}

TEST_F(HostileHeap, MemoryIsZeroForWhoComesAfterAReset) {
  BootWithHeap();
  MakeContexts(1);
  MakeResources(1);
  Expect(Place(1, InHeap(0, 4), 1));
  Fill(0, 4, 7);
  ASSERT_TRUE(guest().Reboot());
  MakeContexts(1);
  MakeResources(1);
  Expect(Place(1, InHeap(0, 4), 1));
  EXPECT_TRUE(Holds(0, 4, 0));
}

// Against places in the heap that a refusal leaves behind.

TEST_F(HostileHeap, ARefusedPlaceLeavesNoTrace) {
  BootWithHeap();
  MakeResources(2);
  renderer().refusal = 12;
  Expect(Place(1, InHeap(0, 4)), "ERR_UNSPEC");
  Expect(CreateBlob(0, ask::Blob(5, kBlobMemGuest, 1), {InHeap(0, 1)}), "ERR_UNSPEC");
  renderer().refusal = 0;
  Expect(Place(2, InHeap(0, 4)));
}

// What the budget of backings refuses is not placed either.
TEST_F(HostileHeap, APlaceAboveTheBudgetIsNotTaken) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_OUT_OF_MEMORY);
  BootWithHeap({.max_memory = 8 * kPageBytes});
  MakeResources(2);
  Expect(Place(1, InHeap(0, 8)), "ERR_OUT_OF_MEMORY");
  Expect(Place(2, InHeap(0, 4)));
}

}  // namespace
}  // namespace vgpu::test
