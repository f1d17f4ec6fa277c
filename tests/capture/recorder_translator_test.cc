#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/recorder/translator.h"
#include "tests/capture/recorder_support.h"

namespace vgpu {
namespace {

using namespace test;  // NOLINT: the records' makers
using ::testing::HasSubstr;

class TranslatorTest : public ::testing::Test {
 protected:
  void Take(const std::vector<RawRecord>& records) {
    for (const RawRecord& record : records) {
      const Status status = translator_.Take(static_cast<uint16_t>(record.type), record.bytes());
      ASSERT_TRUE(status) << status.error().message;
    }
  }

  void Finish(Translator::OpenCommand open = Translator::OpenCommand::kUnanswered) {
    proto::End end;
    end.set_reason("over");
    ASSERT_TRUE(translator_.Finish(end, open));
  }

  const proto::Command& CommandAt(size_t number) const {
    for (const proto::Packet& packet : sink_.packets) {
      if (packet.has_command() && packet.command().number() == number) return packet.command();
    }
    ADD_FAILURE() << "no command " << number;
    return sink_.packets[0].command();
  }

  CollectingSink sink_;
  Translator translator_{
      RendererOrigin{"vgpu-capture test", {"app", "-x"}, 77, proto::SOURCE_SHIM_VMM, "10"}, sink_};
};

TEST_F(TranslatorTest, SessionTellsWhoRecordedWhatAndWhatCannotBeSeen) {
  Take({SessionRecordOf()});
  ASSERT_EQ(Outline(sink_.packets), "session");
  const proto::Session& session = sink_.packets[0].session();
  EXPECT_EQ(session.format_version(), 1u);
  EXPECT_EQ(session.source(), proto::SOURCE_SHIM_VTEST);
  EXPECT_EQ(session.program(0), "app");
  EXPECT_EQ(session.program(1), "-x");
  EXPECT_EQ(session.pid(), 77u);
  EXPECT_EQ(session.renderer_library(), "lib");
  EXPECT_EQ(session.host(), "Linux");
  EXPECT_EQ(session.renderer_flags(), 0x2bu);
  EXPECT_EQ(session.frame_checks(), "10");
  std::string blind_spots;
  for (const std::string& sentence : session.blind_spots()) blind_spots += sentence + "\n";
  for (const char* blind : {"There is no guest", "resource_import_blob", "in-fences", "queries"}) {
    EXPECT_THAT(blind_spots, HasSubstr(blind));
  }
}

TEST_F(TranslatorTest, SessionOfADeviceTellsWhatItServes) {
  ring::SessionRecord record = {};
  record.source = ring::kSourceDevice;
  record.virtio_features = feature::kVirgl;
  record.has_features = 1;
  record.scanouts = 2;
  record.max_memory = 1ull << 33;
  record.max_host_memory = 1ull << 34;
  Take({{RecordType::kSession, Raw(record)}});
  const proto::Session& session = sink_.packets[0].session();
  EXPECT_EQ(session.source(), proto::SOURCE_DEVICE);
  EXPECT_EQ(session.virtio_features(), feature::kVirgl);
  EXPECT_EQ(session.device().scanouts(), 2u);
  EXPECT_EQ(session.device().max_memory(), 1ull << 33);
  EXPECT_EQ(session.device().max_host_memory(), 1ull << 34);
  ASSERT_EQ(session.blind_spots_size(), 2);
  EXPECT_THAT(session.blind_spots(0), HasSubstr("queries"));
  EXPECT_THAT(session.blind_spots(1), HasSubstr("is sampled before each submit"));
}

TEST_F(TranslatorTest, FeaturesThatWereNotSeenAreAbsent) {
  Take({SessionRecordOf()});
  EXPECT_FALSE(sink_.packets[0].session().has_virtio_features());
  EXPECT_FALSE(sink_.packets[0].session().has_device());
}

TEST_F(TranslatorTest, UnknownSourceIsTakenFromTheProgram) {
  Take({SessionRecordOf(0)});
  EXPECT_EQ(sink_.packets[0].session().source(), proto::SOURCE_SHIM_VMM);
}

TEST_F(TranslatorTest, FileBeginsWithASessionEvenWhereItsRecordWasDropped) {
  Take({BeginRecordOf(CreateContext(1)), EndRecordOf()});
  Finish();
  EXPECT_EQ(Outline(sink_.packets), "session command:0 end");
}

TEST_F(TranslatorTest, MemoryComesBeforeItsCommandAndChecksAfterIt) {
  Take({SessionRecordOf(), MemoryRecordOf(5, "abcd"), BeginRecordOf(Submit(1, "wxyz")),
        EndRecordOf(), ReadbackRecordOf(5), FrameRecordOf(5)});
  EXPECT_EQ(Outline(sink_.packets), "session memory") << "the command waits for its fence";
  Finish();
  EXPECT_EQ(Outline(sink_.packets), "session memory command:0 readback:0 frame:0 end");
  EXPECT_EQ(sink_.contents.at(0), "abcd");
  EXPECT_EQ(sink_.packets[1].memory().blob(0), 0u);
  EXPECT_EQ(sink_.packets[1].memory().box().row_bytes(), 4u);
  EXPECT_EQ(sink_.packets[2].command().request(), Submit(1, "wxyz"));
  EXPECT_EQ(sink_.packets[4].frame().command(), 0u);
  EXPECT_EQ(translator_.counts().frames, 1u);
  EXPECT_EQ(translator_.counts().checks, 2u);
}

TEST_F(TranslatorTest, FrameWithoutDigestIsNoCheck) {
  Take({SessionRecordOf(), BeginRecordOf(Submit(1)), EndRecordOf(), FrameRecordOf(5, false)});
  Finish();
  EXPECT_EQ(sink_.packets[2].frame().digest(), "");
  EXPECT_EQ(translator_.counts().checks, 0u);
}

TEST_F(TranslatorTest, FenceIsFoldedIntoTheCommandThatEnded) {
  Take({SessionRecordOf(), BeginRecordOf(Submit(3)), EndRecordOf(), FenceRecordOf(42)});
  Finish();
  ASSERT_EQ(Outline(sink_.packets), "session command:0 end");
  const wire::CtrlHeader request = HeaderOf(CommandAt(0).request());
  const wire::CtrlHeader response = HeaderOf(CommandAt(0).response());
  EXPECT_EQ(request.flags, kFlagFence);
  EXPECT_EQ(request.fence_id, 42u);
  EXPECT_EQ(request.ctx_id, 3u) << "a global fence leaves the context alone";
  EXPECT_EQ(response.type, static_cast<uint32_t>(ResponseType::OK_NODATA));
  EXPECT_EQ(response.flags, kFlagFence);
  EXPECT_EQ(response.fence_id, 42u);
  EXPECT_EQ(response.ctx_id, 3u);
  EXPECT_FALSE(CommandAt(0).inferred());
}

TEST_F(TranslatorTest, FenceAfterTheReadbackOfItsCommandIsStillFolded) {
  Take({SessionRecordOf(), BeginRecordOf(Submit(3)), EndRecordOf(), ReadbackRecordOf(1),
        FenceRecordOf(42)});
  Finish();
  EXPECT_EQ(Outline(sink_.packets), "session command:0 readback:0 end");
  EXPECT_EQ(HeaderOf(CommandAt(0).request()).fence_id, 42u);
}

TEST_F(TranslatorTest, FenceOnAContextsRingKeepsItsTimeline) {
  Take({SessionRecordOf(), BeginRecordOf(Submit(3)), EndRecordOf(),
        RingFenceRecordOf(1ull << 40, 3, 2)});
  Finish();
  ASSERT_EQ(Outline(sink_.packets), "session command:0 end");
  const wire::CtrlHeader request = HeaderOf(CommandAt(0).request());
  EXPECT_EQ(request.flags, kFlagFence | kFlagInfoRingIdx);
  EXPECT_EQ(request.fence_id, 1ull << 40);
  EXPECT_EQ(request.ring_idx, 2u);
}

TEST_F(TranslatorTest, SecondFenceGetsAnEmptySubmitOfItsOwn) {
  Take({SessionRecordOf(), BeginRecordOf(Submit(3)), EndRecordOf(), FenceRecordOf(42),
        FenceRecordOf(43)});
  Finish();
  ASSERT_EQ(Outline(sink_.packets), "session command:0 command:1 end");
  EXPECT_EQ(HeaderOf(CommandAt(0).request()).fence_id, 42u);
  const wire::CtrlHeader own = HeaderOf(CommandAt(1).request());
  EXPECT_TRUE(CommandAt(1).inferred());
  EXPECT_EQ(own.type, static_cast<uint32_t>(CommandType::SUBMIT_3D));
  EXPECT_EQ(own.fence_id, 43u);
  EXPECT_EQ(own.ctx_id, 3u);
  EXPECT_EQ(CommandAt(1).request().size(), sizeof(wire::Submit3d));
  EXPECT_EQ(HeaderOf(CommandAt(1).response()).fence_id, 43u);
}

TEST_F(TranslatorTest, FenceThatWasRefusedIsNobodys) {
  Take({SessionRecordOf(), BeginRecordOf(Submit(3)), EndRecordOf(), FenceRecordOf(42),
        FenceRefusedRecordOf(42), BeginRecordOf(Submit(3)), EndRecordOf(), FenceRecordOf(43),
        FenceRecordOf(44), FenceRefusedRecordOf(44), FenceRefusedRecordOf(43)});
  Finish();
  ASSERT_EQ(Outline(sink_.packets), "session command:0 command:1 end");
  EXPECT_EQ(HeaderOf(CommandAt(0).request()).flags, 0u);
  EXPECT_EQ(HeaderOf(CommandAt(0).response()).flags, 0u);
  EXPECT_EQ(HeaderOf(CommandAt(1).request()).fence_id, 43u);
}

TEST_F(TranslatorTest, RefusalOfOneFenceLeavesAnotherAlone) {
  Take({SessionRecordOf(), BeginRecordOf(Submit(3)), EndRecordOf(), FenceRecordOf(42),
        FenceRefusedRecordOf(41)});
  Finish();
  EXPECT_EQ(HeaderOf(CommandAt(0).request()).fence_id, 42u);
}

TEST_F(TranslatorTest, RingFenceOfAnotherContextIsNotFolded) {
  Take({SessionRecordOf(), BeginRecordOf(Submit(3)), EndRecordOf(), RingFenceRecordOf(9, 4, 1)});
  Finish();
  ASSERT_EQ(Outline(sink_.packets), "session command:0 command:1 end");
  EXPECT_EQ(HeaderOf(CommandAt(0).request()).flags, 0u);
  EXPECT_EQ(HeaderOf(CommandAt(1).request()).ctx_id, 4u);
}

TEST_F(TranslatorTest, SignalInsideACommandIsWrittenAsItArrives) {
  Take({SessionRecordOf(), BeginRecordOf(Submit(1)), SignalledRecordOf(7), EndRecordOf(),
        SignalledRecordOf(8)});
  Finish();
  EXPECT_EQ(Outline(sink_.packets), "session fence:7 command:0 fence:8 end");
}

TEST_F(TranslatorTest, HeapEventFollowsItsCommandWithItsNumber) {
  Take({SessionRecordOf(), BeginRecordOf(Submit(1)), EndRecordOf(),
        BeginRecordOf(CreateResource(9)), PlacesRecordOf(9, {{1, 0, 4096, 8192}, {2, 0, 0, 100}}),
        EndRecordOf()});
  Finish();
  ASSERT_EQ(Outline(sink_.packets), "session command:0 command:1 heap:1 end");
  const proto::HeapEvent& event = sink_.packets[3].heap_event();
  EXPECT_EQ(event.kind(), proto::HeapEvent::ATTACH);
  ASSERT_EQ(event.place_size(), 2);
  EXPECT_EQ(event.place(0).heap(), 1u);
  EXPECT_EQ(event.place(0).offset(), 4096u);
  EXPECT_EQ(event.place(1).size(), 100u);
}

TEST_F(TranslatorTest, RefusedCommandHasNoHeapEvent) {
  Take({SessionRecordOf(), BeginRecordOf(CreateResource(9)),
        PlacesRecordOf(9, {{1, 0, 4096, 8192}}), EndRecordOf(Response(ResponseType::ERR_UNSPEC))});
  Finish();
  EXPECT_EQ(Outline(sink_.packets), "session command:0 end");
}

TEST_F(TranslatorTest, WhatBelongsToACommandWithoutEndOrBeginIsLeftOut) {
  Take({SessionRecordOf(), BeginRecordOf(CreateContext(1)), EndRecordOf(), BeginRecordOf(Submit(1)),
        ReadbackRecordOf(5), FrameRecordOf(5), BeginRecordOf(Submit(1)), EndRecordOf(),
        PlacesRecordOf(9, {{1, 0, 4096, 8192}}), FrameRecordOf(5)});
  Finish();
  EXPECT_EQ(Outline(sink_.packets), "session command:0 command:1 command:2 frame:0 end");
}

TEST_F(TranslatorTest, CommandThatNeverEndedIsWrittenAsUnanswered) {
  Take({SessionRecordOf(), BeginRecordOf(CreateContext(1)), EndRecordOf(),
        MemoryRecordOf(1, "abcd"), BeginRecordOf(Submit(1, "boom"))});
  Finish();
  ASSERT_EQ(Outline(sink_.packets), "session command:0 memory command:1 end");
  EXPECT_TRUE(CommandAt(1).unanswered());
  EXPECT_EQ(CommandAt(1).response(), "");
  EXPECT_EQ(CommandAt(1).end_ns(), 0u);
  EXPECT_EQ(CommandAt(1).request(), Submit(1, "boom"));
  EXPECT_FALSE(CommandAt(0).unanswered());
}

TEST_F(TranslatorTest, CommandThatOutlivesTheRecordingIsLeftOut) {
  Take({SessionRecordOf(), BeginRecordOf(CreateContext(1)), EndRecordOf(),
        BeginRecordOf(Submit(1))});
  Finish(Translator::OpenCommand::kLeftOut);
  EXPECT_EQ(Outline(sink_.packets), "session command:0 end");
}

TEST_F(TranslatorTest, CommandWhoseEndWasDroppedIsNotCalledUnanswered) {
  Take({SessionRecordOf(), BeginRecordOf(Submit(1)), BeginRecordOf(Submit(1)), EndRecordOf()});
  Finish();
  ASSERT_EQ(Outline(sink_.packets), "session command:0 command:1 end");
  EXPECT_FALSE(CommandAt(0).unanswered());
  EXPECT_EQ(CommandAt(0).response(), "");
}

TEST_F(TranslatorTest, EndWhoseBeginWasDroppedIsLeftOut) {
  Take({SessionRecordOf(), EndRecordOf()});
  Finish();
  EXPECT_EQ(Outline(sink_.packets), "session end");
}

TEST_F(TranslatorTest, ResetDestroysWhatLivedOnceSomethingFollows) {
  Take({SessionRecordOf(), BeginRecordOf(CreateContext(2)), EndRecordOf(),
        BeginRecordOf(CreateResource(7)), EndRecordOf(), BeginRecordOf(CreateContext(1)),
        EndRecordOf(), BeginRecordOf(DestroyContext(1)), EndRecordOf(), ResetRecordOf(),
        BeginRecordOf(CreateContext(2)), EndRecordOf()});
  Finish();
  ASSERT_EQ(Outline(sink_.packets),
            "session command:0 command:1 command:2 command:3 command:4 command:5 command:6 end");
  EXPECT_EQ(HeaderOf(CommandAt(4).request()).type, static_cast<uint32_t>(CommandType::CTX_DESTROY));
  EXPECT_EQ(HeaderOf(CommandAt(4).request()).ctx_id, 2u);
  EXPECT_TRUE(CommandAt(4).inferred());
  EXPECT_EQ(HeaderOf(CommandAt(5).request()).type,
            static_cast<uint32_t>(CommandType::RESOURCE_UNREF));
  EXPECT_FALSE(CommandAt(6).inferred());
}

TEST_F(TranslatorTest, ResetAtTheEndAddsNothing) {
  Take({SessionRecordOf(), BeginRecordOf(CreateContext(2)), EndRecordOf(), ResetRecordOf()});
  Finish();
  EXPECT_EQ(Outline(sink_.packets), "session command:0 end");
}

TEST_F(TranslatorTest, FailedCreationIsNotDestroyedByAReset) {
  Take({SessionRecordOf(), BeginRecordOf(CreateContext(2)),
        EndRecordOf(Response(ResponseType::ERR_UNSPEC)), ResetRecordOf(),
        BeginRecordOf(CreateContext(2)), EndRecordOf()});
  Finish();
  EXPECT_EQ(Outline(sink_.packets), "session command:0 command:1 end");
}

TEST_F(TranslatorTest, LossIsWrittenWithItsPlaceAndCauseAndCounted) {
  Take({SessionRecordOf(), BeginRecordOf(Submit(1)), EndRecordOf()});
  ASSERT_TRUE(translator_.NoteLoss(DropCause::kOtherThread, {3, 100}));
  ASSERT_EQ(Outline(sink_.packets), "session loss");
  EXPECT_EQ(sink_.packets[1].loss().first_command(), 1u)
      << "command 0 is held, the loss is behind it";
  EXPECT_EQ(sink_.packets[1].loss().bytes(), 100u);
  EXPECT_EQ(
      sink_.packets[1].loss().reason(),
      "3 calls (100 bytes) were left out: they were made while another thread was inside one");
  ASSERT_TRUE(translator_.NoteLoss(DropCause::kRingFull, {7, 800}));
  EXPECT_THAT(sink_.packets[2].loss().reason(), HasSubstr("7 records"));
  EXPECT_THAT(sink_.packets[2].loss().reason(), HasSubstr("the ring was full"));
  const DropCounts& lost = translator_.counts().lost;
  EXPECT_EQ(lost[static_cast<size_t>(DropCause::kOtherThread)].records, 3u);
  EXPECT_EQ(lost[static_cast<size_t>(DropCause::kRingFull)].bytes, 800u);
}

TEST_F(TranslatorTest, MarkerStandsBehindTheCommandsBeforeIt) {
  Take({SessionRecordOf(), BeginRecordOf(Submit(1)), EndRecordOf()});
  ASSERT_TRUE(translator_.Mark("here", 9000));
  EXPECT_EQ(Outline(sink_.packets), "session command:0 marker");
  EXPECT_EQ(sink_.packets[2].marker().text(), "here");
}

TEST_F(TranslatorTest, FeaturesDisplaysAndGuestMemoryStandBetweenCommands) {
  Take({SessionRecordOf(), FeaturesRecordOf(5), BeginRecordOf(Submit(1)), EndRecordOf(),
        DisplayRecordOf(1, "edid"), GuestMemoryRecordOf({{0x1000, 0x2000, 3, 0, 0x4000}}),
        BeginRecordOf(Submit(1)), EndRecordOf(), FrameRecordOf(5), FeaturesRecordOf(6)});
  Finish();
  ASSERT_EQ(Outline(sink_.packets),
            "session features command:0 display guest_memory command:1 frame:0 features end");
  EXPECT_EQ(sink_.packets[1].features().bits(), 5u);
  const proto::Display& display = sink_.packets[3].display();
  EXPECT_EQ(display.ShortDebugString(),
            "scanout: 1 enabled: true x: 3 y: 4 width: 800 height: 600 flags: 7 edid: \"edid\"");
  EXPECT_EQ(sink_.packets[4].guest_memory().ShortDebugString(),
            "region { guest_address: 4096 size: 8192 heap: 3 heap_offset: 16384 }");
}

TEST_F(TranslatorTest, WhatAResetDestroysGoesBeforeTheNextFeatures) {
  Take({SessionRecordOf(), BeginRecordOf(CreateContext(2)), EndRecordOf(), ResetRecordOf()});
  EXPECT_TRUE(translator_.was_reset());
  Take({FeaturesRecordOf(0)});
  EXPECT_FALSE(translator_.was_reset());
  Finish();
  ASSERT_EQ(Outline(sink_.packets), "session command:0 command:1 features end");
  EXPECT_EQ(HeaderOf(CommandAt(1).request()).type, static_cast<uint32_t>(CommandType::CTX_DESTROY));
}

TEST_F(TranslatorTest, ResetDestroysResourcesOfEveryKind) {
  wire::ResourceCreate2d flat;
  flat.resource_id = 3;
  wire::ResourceCreateBlob blob;
  blob.resource_id = 4;
  Take({SessionRecordOf(ring::kSourceDevice),
        BeginRecordOf(RequestText(CommandType::RESOURCE_CREATE_2D, flat)), EndRecordOf(),
        BeginRecordOf(RequestText(CommandType::RESOURCE_CREATE_BLOB, blob)), EndRecordOf(),
        BeginRecordOf(CreateResource(5)), EndRecordOf(), ResetRecordOf(), FeaturesRecordOf(0)});
  Finish();
  ASSERT_EQ(Outline(sink_.packets),
            "session command:0 command:1 command:2 command:3 command:4 command:5 features end");
  for (const uint32_t number : {3u, 4u, 5u}) {
    const auto unref =
        ReadStruct<wire::ResourceRequest>(std::as_bytes(std::span(CommandAt(number).request())));
    ASSERT_TRUE(unref);
    EXPECT_EQ(unref->hdr.type, static_cast<uint32_t>(CommandType::RESOURCE_UNREF));
    EXPECT_EQ(unref->resource_id, number);
  }
}

TEST_F(TranslatorTest, RecordThatIsTooShortIsAnErrorWithItsSize) {
  for (uint16_t type = 1; type <= 17; ++type) {
    CollectingSink sink;
    Translator translator(RendererOrigin{}, sink);
    if (type == static_cast<uint16_t>(RecordType::kReset)) continue;  // it is empty
    const std::string payload = "abc";
    const Status status = translator.Take(type, std::as_bytes(std::span(payload)));
    ASSERT_FALSE(status) << "type " << type;
    EXPECT_THAT(status.error().message, HasSubstr("has 3 bytes"));
  }
}

TEST_F(TranslatorTest, PlacesThatClaimMoreEntriesThanTheyHaveAreAnError) {
  RawRecord record = PlacesRecordOf(1, {{1, 0, 0, 1}});
  const ring::PlacesRecord claim = {1, 1, 0xffffffff, 0};
  std::memcpy(record.payload.data(), &claim, sizeof(claim));
  EXPECT_FALSE(translator_.Take(static_cast<uint16_t>(record.type), record.bytes()));
}

TEST_F(TranslatorTest, GuestMemoryThatClaimsMoreRegionsThanItHasIsAnError) {
  RawRecord record = GuestMemoryRecordOf({{0x1000, 0x2000, 3, 0, 0}});
  const ring::GuestMemoryRecord claim = {0xffffffff, 0};
  std::memcpy(record.payload.data(), &claim, sizeof(claim));
  EXPECT_FALSE(translator_.Take(static_cast<uint16_t>(record.type), record.bytes()));
}

TEST_F(TranslatorTest, UnknownRecordTypeIsAnError) {
  const Status status = translator_.Take(99, {});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("99"));
}

}  // namespace
}  // namespace vgpu
