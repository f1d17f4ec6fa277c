// Entries, streams, ids, backings and capsets that cannot be.
#include "format/protocol/limits.h"
#include "tests/server/hostile_guest.h"

namespace vgpu::test {
namespace {

// Against entries that are too many, not there, or outside of guest memory.

TEST_F(HostileGuest, EntriesThatAreTooManyOrNotThereAreRefused) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_INVALID_PARAMETER);
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create2d(1, 8, 8));
  const Pieces pieces = Scattered(256);
  for (const uint32_t count :
       {2u, limits::kMaxBackingEntries + 1, 0x10000000u, 0x10000001u, 0x80000000u, kMax}) {
    Expect(AttachOf(1, count, pieces), "ERR_INVALID_PARAMETER");
    auto blob = ask::Blob(2, kBlobMemGuest, 16);
    blob.nr_entries = count;
    Expect(Request(CommandType::RESOURCE_CREATE_BLOB, blob).Followed(Encode(pieces)),
           "ERR_INVALID_PARAMETER");
  }
  Expect(AttachOf(1, 0, {}), "ERR_INVALID_PARAMETER");
  Expect(Attach(1, {{kGuestBase, 0}}), "ERR_INVALID_PARAMETER");
}

TEST_F(HostileGuest, AsManyEntriesAsThereMayBeAreTaken) {
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create2d(1, 64, 64));
  Expect(Attach(1, Pieces(limits::kMaxBackingEntries, {kGuestBase, 1})));
  Expect(ask::ToHost2d(1, Rect(0, 0, 64, 64)));
  Expect(ask::Create2d(2, 64, 64));
  Expect(Attach(2, Pieces(limits::kMaxBackingEntries + 1, {kGuestBase, 1})),
         "ERR_INVALID_PARAMETER");
}

TEST_F(HostileGuest, EntriesOutsideGuestMemoryAreRefused) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_INVALID_PARAMETER);
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::Create2d(1, 8, 8));
  const uint64_t end = kGuestBase + ram().size();
  for (const BackingEntry& entry :
       {BackingEntry{0, 256}, BackingEntry{kGuestBase - 1, 256}, BackingEntry{end - 255, 256},
        BackingEntry{end, 256}, BackingEntry{~uint64_t{0}, 256},
        BackingEntry{~uint64_t{0} - 255, 256}, BackingEntry{kUserBase, 256}}) {
    Expect(Attach(1, {entry}), "ERR_INVALID_PARAMETER");
    Expect(Attach(1, {{kGuestBase, 4096}, entry}), "ERR_INVALID_PARAMETER");
    Expect(CreateBlob(0, ask::Blob(2, kBlobMemGuest, 256), {entry}), "ERR_INVALID_PARAMETER");
  }
  EXPECT_EQ(guest().memory().used(), 0u);
  Expect(Attach(1, {{end - 256, 256}}));
}

// Against streams of a size that cannot be, or that reach outside of a texture.

TEST_F(HostileGuest, SubmitsOfASizeThatCannotBeAreRefused) {
  COVERS(SUBMIT_3D, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  for (const uint32_t size : {1u, 2u, 3u, 5u}) Expect(SubmitOf(size, 8), "ERR_INVALID_PARAMETER");
  for (const uint32_t size :
       {12u, 4096u, limits::kMaxSubmitBytes, limits::kMaxSubmitBytes + 4, 0xfffffffcu}) {
    Expect(SubmitOf(size, 8), "ERR_INVALID_PARAMETER");
  }
  Expect(SubmitOf(8, 8));
  Expect(SubmitOf(4, 8));  // what follows is not looked at
}

TEST_F(HostileGuest, AStreamThatReadsOutsideOfATextureIsRefused) {
  COVERS(SUBMIT_3D, ERR_UNSPEC);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  std::vector<uint32_t> stream(14);
  stream[0] = 43 | 13 << 16;  // TRANSFER3D
  stream[1 + 7] = kMax;       // z
  Expect(ask::Submit(1, stream), "ERR_UNSPEC");
}

// Against ids that are 0, in use or unknown, and the renderer's own context.

TEST_F(HostileGuest, TheRenderersOwnContextIsNobodys) {
  COVERS(CTX_CREATE, ERR_INVALID_CONTEXT_ID);
  COVERS(CTX_DESTROY, ERR_INVALID_CONTEXT_ID);
  COVERS(SUBMIT_3D, ERR_INVALID_CONTEXT_ID);
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_CONTEXT_ID);
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(0), "ERR_INVALID_CONTEXT_ID");
  Expect(ask::DestroyContext(0), "ERR_INVALID_CONTEXT_ID");
  Expect(ask::Submit(0, {0}), "ERR_INVALID_CONTEXT_ID");
  Expect(CreateBlob(0, ask::Blob(1, kBlobMemHost3d, 4096), {}), "ERR_INVALID_CONTEXT_ID");
  MakePicture(1, 8, 8);  // in context 0
}

TEST_F(HostileGuest, IdsThatAreInUseAreRefusedAndKeepWhatTheyName) {
  COVERS(RESOURCE_CREATE_2D, ERR_INVALID_RESOURCE_ID);
  COVERS(RESOURCE_CREATE_3D, ERR_INVALID_RESOURCE_ID);
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_RESOURCE_ID);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  MakePicture(1, 8, 8);
  Expect(CreateBlob(0, ask::Blob(2, kBlobMemGuest, 64), Scattered(64)));
  const uint64_t used = guest().memory().used();
  for (const uint32_t id : {0u, 1u, 2u}) {
    Expect(ask::Create2d(id, 8, 8), "ERR_INVALID_RESOURCE_ID");
    Expect(ask::Create3d(id, kTexture, 8, 8), "ERR_INVALID_RESOURCE_ID");
    Expect(CreateBlob(0, ask::Blob(id, kBlobMemGuest, 64), Scattered(64)),
           "ERR_INVALID_RESOURCE_ID");
    Expect(CreateBlob(1, ask::Blob(id, kBlobMemHost3d, 64), {}), "ERR_INVALID_RESOURCE_ID");
  }
  EXPECT_EQ(guest().memory().used(), used);
  Expect(ask::ToHost2d(1, Rect(0, 0, 8, 8)));
}

TEST_F(HostileGuest, AContextThatIsMadeTwiceIsOne) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(1));
  Expect(ask::CreateContext(1));
  Expect(ask::DestroyContext(1));
  Expect(ask::DestroyContext(1), "ERR_INVALID_CONTEXT_ID");
  ExpectNothingIsHeld();
}

// Against a second backing, and the loss of what is shown.

TEST_F(HostileGuest, ASecondBackingIsRefusedAndTheFirstStays) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_UNSPEC);
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  const Pieces pieces = MakePicture(1, 8, 8, 1);
  Expect(Attach(1, Scattered(256)), "ERR_UNSPEC");
  EXPECT_EQ(guest().device().BackingOf(1).size(), pieces.size());
  Expect(ask::SetScanout(0, 1, Rect(0, 0, 8, 8)));
  Expect(ask::ToHost2d(1, Rect(0, 0, 8, 8)));
  Expect(Flush(1, Rect(0, 0, 8, 8)));
  EXPECT_TRUE(Shows(0, 8, 8, 1));
}

TEST_F(HostileGuest, WhatIsShownMayLoseItsBackingAndItself) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  MakePicture(1, 64, 64, 1);
  Expect(ask::SetScanout(0, 1, Rect(0, 0, 64, 64)));
  Expect(ask::UpdateCursor(0, 1, 0, 0));
  Expect(ask::Detach(1));
  Expect(Flush(1, Rect(0, 0, 64, 64)));
  EXPECT_TRUE(Shows(0, 64, 64, 1));
  Expect(ask::Unref(1));
  Expect(Flush(1, Rect(0, 0, 64, 64)), "ERR_INVALID_RESOURCE_ID");
  Expect(ask::UpdateCursor(0, 1, 0, 0), "ERR_INVALID_RESOURCE_ID");
  guest().HandOverDisplay();
}

TEST_F(HostileGuest, AShownBlobMayLoseItsBacking) {
  ASSERT_TRUE(Boot()) << why_;
  Expect(CreateBlob(0, ask::Blob(1, kBlobMemGuest, 1024), Scattered(1024)));
  EXPECT_EQ(Show(1, 16, 16, 64, 0), "OK_NODATA");
  Expect(ask::Detach(1));
  Expect(Flush(1, Rect(0, 0, 16, 16)));
  Expect(Attach(1, Scattered(64)));  // less than it was
  Expect(Flush(1, Rect(0, 0, 16, 16)));
  Expect(ask::UpdateCursor(0, 1, 0, 0));
  EXPECT_FALSE(guest().problems().empty());
}

// Against capsets that are not there.

TEST_F(HostileGuest, CapsetsThatAreNotThereAreRefused) {
  COVERS(GET_CAPSET_INFO, ERR_INVALID_PARAMETER);
  COVERS(GET_CAPSET, ERR_INVALID_PARAMETER);
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  for (const uint32_t number : {2u, 3u, 16u, 0x80000000u, kMax}) {
    wire::GetCapsetInfo info;
    info.capset_index = number;
    Expect({CommandType::GET_CAPSET_INFO, info}, "ERR_INVALID_PARAMETER");
  }
  for (const uint32_t number : {0u, 3u, 4u, 6u, 0x80000000u, kMax}) {
    wire::GetCapset get;
    get.capset_id = number;
    Expect({CommandType::GET_CAPSET, get}, "ERR_INVALID_PARAMETER");
  }
  wire::GetCapset get;
  get.capset_id = 1;
  get.capset_version = kMax;  // the library has the versions that it has
  Expect({CommandType::GET_CAPSET, get}, "OK_CAPSET");
}

}  // namespace
}  // namespace vgpu::test
