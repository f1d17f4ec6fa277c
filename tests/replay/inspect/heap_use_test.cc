#include "replay/inspect/heap_use.h"

#include <gtest/gtest.h>

#include "tests/replay/player_trace.h"

namespace vgpu {
namespace {

constexpr uint64_t kPage = 4096;

class HeapUseTest : public testing::Test {
 protected:
  void Begin(const std::function<void(proto::Session&)>& tell = {}) {
    trace_.emplace(folder_ / "t.vgpu", tell);
  }
  PlayerTrace& trace() {
    if (!trace_) Begin();
    return *trace_;
  }
  HeapUse Read() {
    trace().Close();
    auto reader = TraceReader::Open(folder_ / "t.vgpu");
    EXPECT_TRUE(reader) << reader.error().message;
    auto use = HeapUseOf(**reader);
    EXPECT_TRUE(use) << use.error().message;
    return std::move(*use);
  }

  void Texture(uint32_t id) { trace().Add(ask::Create3d(id, 2, 16, 16)); }
  void Frame() { trace().AddFrame(nullptr); }
  void Places(uint32_t resource, std::initializer_list<std::array<uint64_t, 3>> places) {
    proto::Packet packet;
    packet.mutable_heap_event()->set_resource_id(resource);
    for (const auto& [heap, offset, size] : places) {
      proto::Place& place = *packet.mutable_heap_event()->add_place();
      place.set_heap(static_cast<uint32_t>(heap));
      place.set_offset(offset);
      place.set_size(size);
    }
    trace().Write(packet);
  }

  PlayerFolder folder_;
  std::optional<PlayerTrace> trace_;
};

// "0+ 1+ 0-": what began and ended, by index.
std::string EventsOf(const HeapUse& use) {
  std::string out;
  for (const LogEvent& event : use.events) {
    out += (out.empty() ? "" : " ") + std::to_string(event.allocation) + (event.frees ? "-" : "+");
  }
  return out;
}

TEST_F(HeapUseTest, BackingLivesFromAttachToDetachInCommandsFramesAndTime) {
  Texture(1);
  Frame();
  const uint64_t attach = trace().Add(ask::Attach(1, {100, kPage}));
  Frame();
  Frame();
  const uint64_t detach = trace().Add(ask::Detach(1));
  const HeapUse use = Read();
  ASSERT_EQ(EventsOf(use), "0+ 0-");
  const HeapHolding& one = use.holdings[0];
  EXPECT_EQ(one.bytes, 100 + kPage);
  EXPECT_EQ(one.resource_id, 1u);
  EXPECT_TRUE(one.ended);
  EXPECT_EQ(one.begin.command, attach);
  EXPECT_EQ(one.begin.frame, 1u);
  EXPECT_EQ(one.end.command, detach);
  EXPECT_EQ(one.end.frame, 3u);
  EXPECT_EQ(one.end.time_ns - one.begin.time_ns, (detach - attach) * trace().command_ns);
  EXPECT_EQ(use.frames, 3u);
}

TEST_F(HeapUseTest, UnrefEndsBackingAndMapping) {
  trace().Add(ask::CreateBlob(1, ask::Blob(5, kBlobMemHost3dGuest, 2 * kPage), {2 * kPage}));
  trace().Add(ask::MapBlob(5, kPage));
  trace().Add(ask::Unref(5));
  EXPECT_EQ(EventsOf(Read()), "0+ 1+ 0- 1-");
}

TEST_F(HeapUseTest, WhatIsNotEndedLivesToTheEnd) {
  Texture(1);
  trace().Add(ask::Attach(1, {kPage}));
  Frame();
  const uint64_t last = trace().Add(ask::CreateContext(1));
  const HeapUse use = Read();
  ASSERT_EQ(use.holdings.size(), 1u);
  EXPECT_FALSE(use.holdings[0].ended);
  EXPECT_EQ(use.holdings[0].end.command, last);
}

TEST_F(HeapUseTest, WhatWasRefusedOrNotAnsweredIsNoAllocation) {
  Texture(1);
  trace().Add(ask::Attach(1, {kPage}), ResponseType::ERR_UNSPEC);
  trace().AddAnswered(ask::Attach(1, {kPage}), {});
  EXPECT_EQ(EventsOf(Read()), "");
}

TEST_F(HeapUseTest, RefusedDetachEndsNothing) {
  Texture(1);
  trace().Add(ask::Attach(1, {kPage}));
  trace().Add(ask::Detach(1), ResponseType::ERR_INVALID_RESOURCE_ID);
  EXPECT_EQ(EventsOf(Read()), "0+");
}

TEST_F(HeapUseTest, KindIsWhatTheResourceWasMadeOrShownAs) {
  Texture(1);
  trace().Add(ask::Create3d(2, 0, 64, 1));
  trace().Add(ask::Create2d(3, 16, 16));
  trace().Add(ask::Create2d(4, 64, 64));
  for (const uint32_t id : {1, 2, 3, 4}) trace().Add(ask::Attach(id, {kPage}));
  trace().Add(ask::CreateBlob(0, ask::Blob(5, kBlobMemGuest, kPage), {kPage}));
  trace().Add(ask::SetScanout(0, 3, {}));
  trace().Add(ask::UpdateCursor(0, 4, 0, 0));
  const HeapUse use = Read();
  std::vector<HeapKind> kinds;
  for (const HeapHolding& holding : use.holdings) kinds.push_back(holding.kind);
  EXPECT_EQ(kinds, (std::vector{HeapKind::kTexture, HeapKind::kBuffer, HeapKind::kScanout,
                                HeapKind::kCursor, HeapKind::kBlob}));
}

TEST_F(HeapUseTest, ContextIsTheCommandsOrTheFirstThatTheResourceIsAttachedTo) {
  Texture(1);
  trace().Add(ask::Attach(1, {kPage}));
  trace().Add(ask::AttachToContext(7, 1));
  trace().Add(ask::AttachToContext(8, 1));
  trace().Add(ask::CreateBlob(9, ask::Blob(2, kBlobMemGuest, kPage), {kPage}));
  trace().Add(ask::AttachToContext(7, 2));
  const HeapUse use = Read();
  EXPECT_EQ(use.holdings[0].context, 7u);
  EXPECT_EQ(use.holdings[1].context, 9u);
}

TEST_F(HeapUseTest, MappedBlobIsTheBlobsBytesAtItsPlaceInAKnownWindow) {
  Begin([](proto::Session& session) { session.mutable_device()->set_window_bytes(1 << 20); });
  trace().Add(ask::CreateBlob(1, ask::Blob(5, kBlobMemHost3d, 3 * kPage)));
  trace().Add(ask::MapBlob(5, 2 * kPage));
  trace().Add(ask::ForResource(CommandType::RESOURCE_UNMAP_BLOB, 5));
  const HeapUse use = Read();
  ASSERT_EQ(EventsOf(use), "0+ 0-");
  EXPECT_TRUE(use.holdings[0].in_window);
  EXPECT_EQ(use.holdings[0].bytes, 3 * kPage);
  EXPECT_EQ(use.holdings[0].place.offset, 2 * kPage);
  EXPECT_EQ(use.holdings[0].place.pieces, 1u);
}

TEST_F(HeapUseTest, SourceWithoutAWindowDoesNotTellPlacesInIt) {
  trace().Add(ask::CreateBlob(1, ask::Blob(5, kBlobMemHost3d, kPage)));
  trace().Add(ask::MapBlob(5, 0));
  EXPECT_EQ(Read().holdings[0].place.pieces, 0u);
}

TEST_F(HeapUseTest, EntriesThatTouchAreOnePiece) {
  Texture(1);
  trace().Add(ask::Attach(1, {kPage, kPage}));
  Places(1, {{3, 8 * kPage, kPage}, {3, 9 * kPage, kPage}});
  Texture(2);
  trace().Add(ask::Attach(2, {kPage, kPage, kPage}));
  Places(2, {{3, 9 * kPage, kPage}, {3, 8 * kPage, kPage}, {4, 9 * kPage, kPage}});
  const HeapUse use = Read();
  EXPECT_EQ(use.holdings[0].place.pieces, 1u);
  EXPECT_EQ(use.holdings[0].place.heap, 3u);
  EXPECT_EQ(use.holdings[0].place.offset, 8 * kPage);
  EXPECT_EQ(use.holdings[1].place.pieces, 3u);
}

TEST_F(HeapUseTest, PlaceThatNoMemoryHasIsNone) {
  Texture(1);
  trace().Add(ask::Attach(1, {kPage}));
  Places(1, {{3, UINT64_MAX - 10, kPage}});
  EXPECT_EQ(Read().holdings[0].place.pieces, 0u);
}

TEST_F(HeapUseTest, SizeThatNoGpuHasIsLeftOutAndCounted) {
  trace().Add(ask::CreateBlob(1, ask::Blob(5, kBlobMemHost3d, UINT64_MAX)));
  trace().Add(ask::MapBlob(5, 0));
  trace().Add(ask::ForResource(CommandType::RESOURCE_UNMAP_BLOB, 5));
  const HeapUse use = Read();
  EXPECT_EQ(use.left_out, 1u);
  EXPECT_EQ(EventsOf(use), "");
}

TEST_F(HeapUseTest, TimeDoesNotGoBack) {
  Texture(1);
  trace().Add(ask::Attach(1, {kPage}));
  trace().command_ns = 1;
  trace().Add(ask::Detach(1));
  const HeapUse use = Read();
  EXPECT_GE(use.holdings[0].end.time_ns, use.holdings[0].begin.time_ns);
}

TEST_F(HeapUseTest, ResourceWhoseEndWasLostEndsWhereItsIdIsMadeAgain) {
  Texture(1);
  trace().Add(ask::Attach(1, {kPage}));
  Texture(1);
  trace().Add(ask::Attach(1, {kPage}));
  EXPECT_EQ(EventsOf(Read()), "0+ 0- 1+");
}

TEST_F(HeapUseTest, ResetEndsWhatIsLeft) {
  Texture(1);
  trace().Add(ask::Attach(1, {kPage}));
  trace().AddFeatures(feature::kAll);
  EXPECT_EQ(EventsOf(Read()), "0+ 0-");
}

TEST_F(HeapUseTest, GuestMemoryThatGoesEndsTheBackingsInIt) {
  Texture(1);
  trace().Add(ask::Attach(1, {kPage, kPage}));  // at 0xdead0000
  trace().AddGuestMemory({{.address = 0xdea00000, .size = 0xd0800},
                          {.address = 0xdead0800, .size = 0x800}});  // one to the next
  trace().Add(ask::CreateContext(1));
  trace().AddGuestMemory({{.address = 0xdead0000, .size = 0x800}});
  const HeapUse use = Read();
  ASSERT_EQ(EventsOf(use), "0+ 0-");
  EXPECT_EQ(use.holdings[0].end.command, 2u);
}

}  // namespace
}  // namespace vgpu
