// What a live device answered is what a replay of its recording answers.
#include "heap/live_memory.h"
#include "tests/replay/player_fixture.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kEntryAddress = 0xdead0000;  // of all entries that ask:: makes
constexpr uint64_t kBudget = 1 << 20;

TEST(RecordedDevice, ClearsBuffersWhereTheRecordedOneDid) {
  proto::Session session;
  session.set_source(proto::SOURCE_DEVICE);
  EXPECT_TRUE(RecordedDeviceOptions(session, kBudget).clear_buffers);
  for (const auto source : {proto::SOURCE_SHIM_VMM, proto::SOURCE_SHIM_VTEST}) {
    session.set_source(source);
    EXPECT_FALSE(RecordedDeviceOptions(session, kBudget).clear_buffers);
  }
}

// A device that serves a guest, and the recording of it. The calls are those of its owner.
class LiveRecording {
 public:
  LiveRecording(PlayerTrace& trace, const DeviceOptions& options)
      : trace_(trace), device_(renderer_, options, MakeMemory(options.max_memory)) {}

  // The name of the answer.
  std::string Send(const Request& request) {
    Command command;
    command.queue = QueueOf(request);
    command.request = request.bytes();
    const auto response = device_.Execute(command);
    EXPECT_TRUE(response) << response.error().message;
    trace_.AddAnswered(request, response->bytes);
    return NameOfResponse(ReadStruct<wire::CtrlHeader>(response->bytes)->type);
  }

  void SetFeatures(uint64_t bits) {
    device_.SetFeatures(bits);
    trace_.AddFeatures(bits);
  }

  void SetDisplay(uint32_t scanout, const Display& display) {
    device_.SetDisplay(scanout, display);
    proto::Packet packet;
    auto& told = *packet.mutable_display();
    told.set_scanout(scanout);
    told.set_enabled(display.enabled);
    told.set_x(display.rect.x);
    told.set_y(display.rect.y);
    told.set_width(display.rect.width);
    told.set_height(display.rect.height);
    told.set_flags(display.flags);
    told.set_edid(display.edid.data(), display.edid.size());
    trace_.Write(packet);
  }

  void SetMemory(uint64_t address, uint64_t size) {
    region_ = {address, size};
    device_.MemoryChanged();
    trace_.AddGuestMemory({region_});
  }

  void SetHeap(const DedicatedHeap& heap) {
    device_.SetHeap(heap, {});
    proto::Packet packet;
    auto& told = *packet.mutable_dedicated_heap();
    told.set_id(heap.id);
    told.set_guest_address(heap.base);
    told.set_size(heap.size);
    told.set_granularity(heap.granularity);
    told.set_cache_mode(heap.cache_mode);
    told.set_read_only(heap.read_only);
    told.set_context_quota(heap.context_quota);
    trace_.Write(packet);
  }

  const Device& device() const { return device_; }

 private:
  std::unique_ptr<BackingMemory> MakeMemory(uint64_t budget) {
    const auto locate = [this](uint64_t address, uint64_t size,
                               std::vector<std::span<std::byte>>& out) {
      if (address < region_.address || address - region_.address + size > region_.size) {
        return false;
      }
      out.push_back(std::span(bytes_).first(size));
      return true;
    };
    return std::make_unique<LiveMemory>(budget, locate);
  }

  PlayerTrace& trace_;
  GuestRegion region_;
  std::vector<std::byte> bytes_ = std::vector<std::byte>(kBudget);
  FakeRenderer renderer_;
  Device device_;
};

class PlayerDeviceTest : public PlayerTest {
 protected:
  PlayerDeviceTest() {
    options.max_memory = kBudget;
    tell = [this](proto::Session& session) {
      session.set_source(proto::SOURCE_DEVICE);
      session.mutable_device()->set_scanouts(options.scanouts);
      session.mutable_device()->set_max_memory(options.max_memory);
      session.mutable_device()->set_max_host_memory(options.max_host_memory);
      session.mutable_device()->set_draft_2019(options.draft_2019);
    };
  }

  // Plays what `serve` records. All answers are equal.
  void Replay(const std::function<void(LiveRecording&)>& serve) {
    const auto report = Play([&](PlayerTrace& trace) {
      LiveRecording live(trace, options);
      serve(live);
    });
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_THAT(listener.findings, IsEmpty());
    EXPECT_THAT(listener.notes, IsEmpty());
  }

  static std::string GetEdid(LiveRecording& live, uint32_t scanout) {
    wire::GetEdid request;
    request.scanout = scanout;
    return live.Send({CommandType::GET_EDID, request});
  }

  DeviceOptions options;
};

TEST_F(PlayerDeviceTest, FeaturesThatTheDriverDidNotTakeAreRefusedAgain) {
  Replay([](LiveRecording& live) {
    live.SetFeatures(feature::kEdid);
    EXPECT_EQ(live.Send(ask::Create3d(1, 2, 8, 8)), "ERR_UNSPEC");
    EXPECT_EQ(live.Send(ask::CreateContext(1)), "ERR_UNSPEC");
    EXPECT_EQ(live.Send(ask::Create2d(1, 8, 8)), "OK_NODATA");
    live.SetFeatures(feature::kVirgl);
    EXPECT_EQ(live.Send(ask::CreateContext(1)), "OK_NODATA");
    EXPECT_EQ(GetEdid(live, 0), "ERR_UNSPEC");
  });
}

TEST_F(PlayerDeviceTest, FeaturesOfTheSessionHoldFromTheFirstCommandOn) {
  tell = [](proto::Session& session) { session.set_virtio_features(feature::kEdid); };
  ASSERT_TRUE(
      Play([](PlayerTrace& trace) { trace.Add(ask::CreateContext(1), ResponseType::ERR_UNSPEC); }));
  EXPECT_THAT(listener.findings, IsEmpty());
}

TEST_F(PlayerDeviceTest, FencesOfADriverThatIsGoneAreNotTakenForTheNextOnes) {
  tell = {};
  const auto report = Play([](PlayerTrace& trace) {
    trace.Add(ask::CreateContext(1));
    trace.Add(ask::Submit(1, {}).Fenced(2));  // the reset came before it was signalled
    trace.AddFeatures(feature::kAll);
    for (const uint64_t id : {1, 2}) {
      trace.Add(ask::Submit(1, {}).Fenced(id));
      trace.AddFence(id);
    }
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->done.fences, 2u);
  EXPECT_THAT(listener.findings, IsEmpty());
}

TEST_F(PlayerDeviceTest, DisplaysSayWhatTheySaid) {
  options.scanouts = 2;
  options.width = 1920;  // unlike the replay's own
  Replay([](LiveRecording& live) {
    const auto ask_all = [&live] {
      EXPECT_EQ(live.Send({CommandType::GET_DISPLAY_INFO, wire::HeaderOnly()}), "OK_DISPLAY_INFO");
      EXPECT_EQ(GetEdid(live, 0), "OK_EDID");
      EXPECT_EQ(GetEdid(live, 1), "OK_EDID");
      EXPECT_EQ(GetEdid(live, 2), "ERR_INVALID_PARAMETER");
    };
    live.SetDisplay(0, {.enabled = true, .rect = {0, 0, 1280, 720}, .flags = 3, .edid = {}});
    live.SetDisplay(1, {.enabled = false,
                        .rect = {1280, 0, 640, 480},
                        .edid = std::vector<std::byte>(256, std::byte{7})});
    ask_all();
    live.SetDisplay(1, {.enabled = true, .rect = {1280, 0, 800, 600}, .edid = {}});
    ask_all();
    EXPECT_EQ(live.Send(ask::SetScanout(2, 0, {})), "ERR_INVALID_SCANOUT_ID");
  });
}

TEST_F(PlayerDeviceTest, ADisplayThatAnswersOtherwiseIsADifference) {
  const auto report = Play([](PlayerTrace& trace) {
    wire::RespDisplayInfo other;
    other.hdr.type = static_cast<uint32_t>(ResponseType::OK_DISPLAY_INFO);
    trace.AddAnswered({CommandType::GET_DISPLAY_INFO, wire::HeaderOnly()}, StructBytes(other));
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(listener.findings,
              ElementsAre("command 0 (GET_DISPLAY_INFO, context 0, frame 0): answered "
                          "OK_DISPLAY_INFO with other data than recorded (384 bytes)"));
}

TEST_F(PlayerDeviceTest, AUuidIsTheSameAgain) {
  Replay([](LiveRecording& live) {
    live.Send(ask::Create2d(300, 8, 8));
    EXPECT_EQ(live.Send(ask::ForResource(CommandType::RESOURCE_ASSIGN_UUID, 300)),
              "OK_RESOURCE_UUID");
  });
}

TEST_F(PlayerDeviceTest, BackingsOutsideOfGuestMemoryAreRefusedAgain) {
  Replay([](LiveRecording& live) {
    live.SetMemory(kEntryAddress, 4096);
    live.Send(ask::Create2d(1, 8, 8));
    EXPECT_EQ(live.Send(ask::Attach(1, {4096, 4097})), "ERR_INVALID_PARAMETER");
    EXPECT_EQ(live.Send(ask::Attach(1, {4096, 256})), "OK_NODATA");
    EXPECT_EQ(live.Send(ask::CreateBlob(0, ask::Blob(2, kBlobMemGuest, 64), {4097})),
              "ERR_INVALID_PARAMETER");
    EXPECT_EQ(live.Send(ask::CreateBlob(0, ask::Blob(2, kBlobMemGuest, 64), {64})), "OK_NODATA");
  });
}

TEST_F(PlayerDeviceTest, BackingsThatMemoryLeavesAreGoneAgain) {
  Replay([](LiveRecording& live) {
    live.SetMemory(kEntryAddress, 8192);
    for (const uint32_t id : {1, 2}) live.Send(ask::Create2d(id, 8, 8));
    live.Send(ask::Attach(1, {4096}));
    live.Send(ask::Attach(2, {8192}));
    live.SetMemory(kEntryAddress, 4096);
    EXPECT_EQ(live.Send(ask::ToHost2d(1, {0, 0, 8, 8})), "OK_NODATA");
    EXPECT_EQ(live.Send(ask::ToHost2d(2, {0, 0, 8, 8})), "ERR_UNSPEC");
    EXPECT_EQ(live.Send(ask::Attach(1, {4096})), "ERR_UNSPEC") << "is still attached";
    EXPECT_EQ(live.Send(ask::Attach(2, {4096})), "OK_NODATA");
  });
}

// Entries of these tests are all at kEntryAddress.
TEST_F(PlayerDeviceTest, PlacesInTheHeapAreRefusedAgain) {
  Replay([](LiveRecording& live) {
    live.SetMemory(kEntryAddress, 16384);
    live.SetHeap({1, kEntryAddress, 8192, 4096, 1, false, 4096});
    live.Send(ask::CreateContext(1));
    for (const uint32_t id : {1, 2}) live.Send(ask::Create2d(id, 8, 8));
    EXPECT_EQ(live.Send(ask::Attach(1, {4096, 4096})), "ERR_INVALID_PARAMETER");
    EXPECT_EQ(live.Send(ask::Attach(1, {100})), "ERR_INVALID_PARAMETER");
    EXPECT_EQ(live.Send(ask::Attach(1, {12288})), "ERR_INVALID_PARAMETER");
    EXPECT_EQ(live.Send(ask::Attach(1, {8192}).On(1)), "ERR_OUT_OF_MEMORY");
    EXPECT_EQ(live.Send(ask::Attach(1, {4096}).On(1)), "OK_NODATA");
    EXPECT_EQ(live.Send(ask::Attach(2, {8192})), "ERR_INVALID_PARAMETER") << "over another";
    EXPECT_EQ(live.Send(ask::Unref(1).On(2)), "ERR_INVALID_CONTEXT_ID");
    EXPECT_EQ(live.Send(ask::Detach(1)), "OK_NODATA");
    EXPECT_EQ(live.Send(ask::Attach(2, {8192})), "OK_NODATA");
    live.SetHeap({});
    EXPECT_EQ(live.Send(ask::Attach(2, {4096, 4096})), "OK_NODATA") << "the place is gone";
  });
}

TEST_F(PlayerDeviceTest, TheHeapIsDescribedAgain) {
  options.draft_2019 = true;
  Replay([](LiveRecording& live) {
    live.SetFeatures(feature::kVirgl);
    live.SetMemory(kEntryAddress, 16384);
    wire::AllocationMetadata question;
    question.response_size = 40;
    const Request ask(CommandType::ALLOCATION_METADATA, question);
    EXPECT_EQ(live.Send(ask), "ERR_UNSPEC");
    live.SetHeap({1, kEntryAddress, 8192, 4096, 1, true, 4096});
    EXPECT_EQ(live.Send(ask), "OK_MAP_INFO") << "that number, for this command";
  });
}

// A trace may say anything of a heap.
TEST_F(PlayerDeviceTest, AHeapThatCannotBeIsNone) {
  Replay([](LiveRecording& live) {
    live.SetMemory(kEntryAddress, 16384);
    live.Send(ask::Create2d(1, 8, 8));
    for (const DedicatedHeap& heap :
         {DedicatedHeap{1, kEntryAddress, 8192, 0, 1, false, 4096},
          DedicatedHeap{1, kEntryAddress, 8192, 4095, 1, false, 4096},
          DedicatedHeap{1, kEntryAddress, 8193, 4096, 1, false, 4096},
          DedicatedHeap{1, kEntryAddress, ~uint64_t{4095}, 4096, 1, false, 4096},
          DedicatedHeap{1, kEntryAddress, ~uint64_t{0}, 1, 1, false, 4096}}) {
      live.SetHeap(heap);
      EXPECT_EQ(live.Send(ask::Attach(1, {100})), "OK_NODATA") << heap.size;
      EXPECT_EQ(live.Send(ask::Detach(1)), "OK_NODATA");
    }
    live.SetHeap({1, ~uint64_t{4095}, 8192, 4096, 1, false, 4096});
    EXPECT_EQ(live.Send(ask::Attach(1, {100})), "OK_NODATA");
  });
}

TEST_F(PlayerDeviceTest, BudgetsEndWhereTheyEnded) {
  options.max_host_memory = 4096;
  Replay([](LiveRecording& live) {
    live.SetMemory(kEntryAddress, kBudget);
    EXPECT_EQ(live.Send(ask::Create2d(1, 64, 64)), "ERR_OUT_OF_MEMORY");
    EXPECT_EQ(live.Send(ask::Create2d(1, 8, 8)), "OK_NODATA");
    EXPECT_EQ(live.Send(ask::Attach(1, {uint32_t{kBudget}})), "ERR_OUT_OF_MEMORY");
    EXPECT_EQ(live.Send(ask::Attach(1, {uint32_t{kBudget} - 63})), "ERR_OUT_OF_MEMORY");
    EXPECT_EQ(live.Send(ask::Attach(1, {uint32_t{kBudget} - 64})), "OK_NODATA");
  });
}

TEST_F(PlayerDeviceTest, AFrameOnTheSecondScanoutIsOneOfIt) {
  options.scanouts = 2;
  const auto black = std::vector<std::byte>(kTestBytes);
  const auto report = Play([&](PlayerTrace& trace) {
    const Digest digest = HashOf(black);
    trace.Add(ask::Create2d(kTestResource, kTestSide, kTestSide));
    trace.Add(ask::SetScanout(1, kTestResource, {0, 0, kTestSide, kTestSide}));
    trace.Add(ask::Flush(kTestResource));
    trace.AddFrame(&digest, {}, 1);
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(listener.frames, ElementsAre("0 equal"));
  EXPECT_THAT(listener.scanouts, ElementsAre(1));
  EXPECT_THAT(listener.findings, IsEmpty());
}

}  // namespace
}  // namespace vgpu
