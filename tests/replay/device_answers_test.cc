// What the device answers: each command's success, and each mistake that a guest can make with it.
#include <functional>

#include "format/protocol/limits.h"
#include "replay/device/host_costs.h"
#include "tests/replay/device_fixture.h"

namespace vgpu {
namespace {

constexpr uint32_t kTexture = 10;    // 64x32, 4 bytes a pixel, backing of 8192 bytes
constexpr uint32_t kNoBacking = 11;  // 16x16 texture
constexpr uint32_t kBuffer = 12;     // 256 bytes
constexpr uint32_t kHostBlob = 20;
constexpr uint32_t kGuestBlob = 21;  // 8192 bytes
constexpr uint32_t kUnknown = 99;

struct Case {
  const char* name;
  std::function<Request()> request;
  const char* answer;
};

// gtest prints this in the test's name.
std::string NameOf(const testing::TestParamInfo<Case>& info) { return info.param.name; }

template <typename Struct, typename Change>
Request Changed(CommandType type, Struct value, const Change& change) {
  change(value);
  return {type, value};
}

Request Cut(const Request& request, std::size_t bytes) {
  const Bytes whole = request.bytes();
  return Request(std::vector<std::byte>(whole.begin(), whole.end() - bytes));
}

Request ScanoutBlob(const std::function<void(wire::SetScanoutBlob&)>& change) {
  wire::SetScanoutBlob request;
  request.resource_id = kGuestBlob;
  request.rect = {0, 0, 32, 16};
  request.width = 32;
  request.height = 16;
  request.format = 1;
  request.strides[0] = 128;
  change(request);
  return {CommandType::SET_SCANOUT_BLOB, request};
}

Request WithCapset(uint32_t id) {
  wire::GetCapset request;
  request.capset_id = id;
  request.capset_version = 1;
  return {CommandType::GET_CAPSET, request};
}

Request CapsetInfo(uint32_t index) {
  wire::GetCapsetInfo request;
  request.capset_index = index;
  return {CommandType::GET_CAPSET_INFO, request};
}

Request Edid(uint32_t scanout) {
  wire::GetEdid request;
  request.scanout = scanout;
  return {CommandType::GET_EDID, request};
}

Request ToHost(wire::Box box, uint32_t id = kTexture, uint32_t ctx = 1) {
  return ask::ToHost3d(ctx, ask::Transfer3d(id, box));
}

Request ToHostWith(const std::function<void(wire::TransferHost3d&)>& change) {
  auto transfer = ask::Transfer3d(kTexture, {0, 0, 0, 64, 32, 1});
  change(transfer);
  return ask::ToHost3d(1, transfer);
}

Request SubmitSaying(uint32_t size, std::size_t sent) {
  wire::Submit3d request;
  request.size = size;
  return Request(CommandType::SUBMIT_3D, request).On(1).Followed(std::vector<std::byte>(sent));
}

Request AttachSaying(uint32_t entries) {
  wire::AttachBacking request;
  request.resource_id = kNoBacking;
  request.nr_entries = entries;
  return Request(CommandType::RESOURCE_ATTACH_BACKING, request).Followed(ask::Entries({64}));
}

Request ForBlob(uint32_t id, CommandType type = CommandType::RESOURCE_UNMAP_BLOB) {
  return ask::ForResource(type, id);
}

constexpr uint32_t kMinusOne = 0xffffffff;

const Case kCases[] = {
    {"DisplayInfo", [] { return Request(CommandType::GET_DISPLAY_INFO, wire::HeaderOnly()); },
     "OK_DISPLAY_INFO"},
    {"Edid", [] { return Edid(0); }, "OK_EDID"},
    {"EdidOfUnknownScanout", [] { return Edid(1); }, "ERR_INVALID_PARAMETER"},
    {"CapsetInfo0", [] { return CapsetInfo(0); }, "OK_CAPSET_INFO"},
    {"CapsetInfo1", [] { return CapsetInfo(1); }, "OK_CAPSET_INFO"},
    {"CapsetInfoPastTheLast", [] { return CapsetInfo(2); }, "ERR_INVALID_PARAMETER"},
    {"Capset", [] { return WithCapset(1); }, "OK_CAPSET"},
    {"UnknownCapset", [] { return WithCapset(4); }, "ERR_INVALID_PARAMETER"},

    {"Create2d", [] { return ask::Create2d(1, 8, 8); }, "OK_NODATA"},
    {"Create2dId0", [] { return ask::Create2d(0, 8, 8); }, "ERR_INVALID_RESOURCE_ID"},
    {"Create2dTwice", [] { return ask::Create2d(kTexture, 8, 8); }, "ERR_INVALID_RESOURCE_ID"},
    {"Create2dTooLarge", [] { return ask::Create2d(1, 1u << 20, 1u << 20); }, "ERR_OUT_OF_MEMORY"},
    {"Create3d", [] { return ask::Create3d(1, 2, 8, 8); }, "OK_NODATA"},
    {"Create3dId0", [] { return ask::Create3d(0, 2, 8, 8); }, "ERR_INVALID_RESOURCE_ID"},
    {"Create3dTwice", [] { return ask::Create3d(kBuffer, 2, 8, 8); }, "ERR_INVALID_RESOURCE_ID"},
    {"Create3dOfABlobsId", [] { return ask::Create3d(kHostBlob, 2, 8, 8); },
     "ERR_INVALID_RESOURCE_ID"},
    {"Create3dWhoseSizeWraps",
     [] {
       return Changed(CommandType::RESOURCE_CREATE_3D, ask::Shape3d(1, 3, kMinusOne, kMinusOne),
                      [](auto& shape) { shape.depth = shape.array_size = kMinusOne; });
     },
     "ERR_OUT_OF_MEMORY"},
    {"Unref", [] { return ask::Unref(kTexture); }, "OK_NODATA"},
    {"UnrefUnknown", [] { return ask::Unref(kUnknown); }, "ERR_INVALID_RESOURCE_ID"},
    {"Uuid", [] { return ForBlob(kTexture, CommandType::RESOURCE_ASSIGN_UUID); },
     "OK_RESOURCE_UUID"},
    {"UuidUnknown", [] { return ForBlob(kUnknown, CommandType::RESOURCE_ASSIGN_UUID); },
     "ERR_INVALID_RESOURCE_ID"},

    {"Attach", [] { return ask::Attach(kNoBacking, {4096}); }, "OK_NODATA"},
    {"AttachUnknown", [] { return ask::Attach(kUnknown, {4096}); }, "ERR_INVALID_RESOURCE_ID"},
    {"AttachTwice", [] { return ask::Attach(kTexture, {4096}); }, "ERR_UNSPEC"},
    {"AttachNothing", [] { return ask::Attach(kNoBacking, {}); }, "ERR_INVALID_PARAMETER"},
    {"AttachFewerEntriesThanSaid", [] { return AttachSaying(2); }, "ERR_INVALID_PARAMETER"},
    {"AttachMoreEntriesThanTheCap", [] { return AttachSaying(limits::kMaxBackingEntries + 1); },
     "ERR_INVALID_PARAMETER"},
    {"AttachPastTheBudget",
     [] {
       return ask::Attach(kNoBacking, {1u << 20, 1u << 20});
     },
     "ERR_OUT_OF_MEMORY"},
    {"Detach", [] { return ask::Detach(kTexture); }, "OK_NODATA"},
    {"DetachOfNoBacking", [] { return ask::Detach(kNoBacking); }, "OK_NODATA"},
    {"DetachUnknown", [] { return ask::Detach(kUnknown); }, "ERR_INVALID_RESOURCE_ID"},

    {"ContextCreate", [] { return ask::CreateContext(2); }, "OK_NODATA"},
    {"ContextCreateAgain", [] { return ask::CreateContext(1); }, "OK_NODATA"},
    {"ContextCreate0", [] { return ask::CreateContext(0); }, "ERR_INVALID_CONTEXT_ID"},
    {"ContextDestroy", [] { return ask::DestroyContext(1); }, "OK_NODATA"},
    {"ContextDestroy0", [] { return ask::DestroyContext(0); }, "ERR_INVALID_CONTEXT_ID"},
    {"ContextDestroyUnknown", [] { return ask::DestroyContext(2); }, "ERR_INVALID_CONTEXT_ID"},
    {"ContextAttach", [] { return ask::AttachToContext(1, kTexture); }, "OK_NODATA"},
    {"ContextAttachToNone", [] { return ask::AttachToContext(2, kTexture); }, "OK_NODATA"},

    {"Submit", [] { return ask::Submit(1, {0}); }, "OK_NODATA"},
    {"SubmitToUnknownContext", [] { return ask::Submit(2, {0}); }, "ERR_INVALID_CONTEXT_ID"},
    {"SubmitNothing", [] { return ask::Submit(2, {}); }, "OK_NODATA"},
    {"SubmitOfHalfADword", [] { return SubmitSaying(6, 8); }, "ERR_INVALID_PARAMETER"},
    {"SubmitOfMoreThanSent", [] { return SubmitSaying(12, 8); }, "ERR_INVALID_PARAMETER"},
    {"SubmitPastTheCap", [] { return SubmitSaying(limits::kMaxSubmitBytes + 4, 8); },
     "ERR_INVALID_PARAMETER"},

    {"ToHost2d",
     [] {
       return ask::ToHost2d(kTexture, {0, 0, 64, 32});
     },
     "OK_NODATA"},
    {"ToHost2dUnknown",
     [] {
       return ask::ToHost2d(kUnknown, {0, 0, 1, 1});
     },
     "ERR_INVALID_RESOURCE_ID"},
    {"ToHost2dTooWide",
     [] {
       return ask::ToHost2d(kTexture, {1, 0, 64, 32});
     },
     "ERR_INVALID_PARAMETER"},
    {"ToHost2dNegative",
     [] {
       return ask::ToHost2d(kTexture, {kMinusOne, 0, 1, 1});
     },
     "ERR_INVALID_PARAMETER"},
    {"ToHost2dOutsideItsBacking",
     [] {
       return ask::ToHost2d(kTexture, {0, 0, 64, 32}, 4);
     },
     "ERR_INVALID_PARAMETER"},
    {"ToHost2dAtTheEndOf64Bits",
     [] {
       return ask::ToHost2d(kTexture, {0, 0, 1, 1}, UINT64_MAX);
     },
     "ERR_INVALID_PARAMETER"},
    {"ToHost2dWithoutBacking",
     [] {
       return ask::ToHost2d(kNoBacking, {0, 0, 1, 1});
     },
     "ERR_UNSPEC"},
    {"ToHost3d",
     [] {
       return ToHost({0, 0, 0, 64, 32, 1});
     },
     "OK_NODATA"},
    {"ToHost3dOnContext0",
     [] {
       return ToHost({0, 0, 0, 64, 32, 1}, kTexture, 0);
     },
     "OK_NODATA"},
    {"ToHost3dUnknownContext",
     [] {
       return ToHost({0, 0, 0, 1, 1, 1}, kTexture, 2);
     },
     "ERR_INVALID_CONTEXT_ID"},
    {"ToHost3dOfABlobOfBytes",
     [] {
       return ToHost({0, 0, 0, 1, 1, 1}, kGuestBlob);
     },
     "ERR_INVALID_RESOURCE_ID"},
    {"ToHost3dNegativeX",
     [] {
       return ToHost({kMinusOne, 0, 0, 1, 1, 1});
     },
     "ERR_INVALID_PARAMETER"},
    {"ToHost3dNegativeY",
     [] {
       return ToHost({0, kMinusOne, 0, 1, 1, 1});
     },
     "ERR_INVALID_PARAMETER"},
    {"ToHost3dNegativeZ",
     [] {
       return ToHost({0, 0, kMinusOne, 1, 1, 1});
     },
     "ERR_INVALID_PARAMETER"},
    {"ToHost3dNegativeDepth",
     [] {
       return ToHost({0, 0, 0, 1, 1, kMinusOne});
     },
     "ERR_INVALID_PARAMETER"},
    {"ToHost3dAboveTheLastLevel", [] { return ToHostWith([](auto& t) { t.level = 1; }); },
     "ERR_INVALID_PARAMETER"},
    {"ToHost3dLevelAsANegativeShift",
     [] { return ToHostWith([](auto& t) { t.level = kMinusOne; }); }, "ERR_INVALID_PARAMETER"},
    {"ToHost3dStrideBelowARow", [] { return ToHostWith([](auto& t) { t.stride = 64; }); },
     "ERR_INVALID_PARAMETER"},
    {"ToHost3dStrideOutsideItsBacking",
     [] { return ToHostWith([](auto& t) { t.stride = 0xffff0000; }); }, "ERR_INVALID_PARAMETER"},
    {"ToHost3dLayerStrideBelowALayer",
     [] { return ToHostWith([](auto& t) { t.layer_stride = 256; }); }, "ERR_INVALID_PARAMETER"},
    {"FromHost3d",
     [] {
       return ask::FromHost3d(1, ask::Transfer3d(kTexture, {0, 0, 0, 64, 32, 1}));
     },
     "OK_NODATA"},
    {"FromHost3dTooHigh",
     [] {
       return ask::FromHost3d(1, ask::Transfer3d(kTexture, {0, 1, 0, 64, 32, 1}));
     },
     "ERR_INVALID_PARAMETER"},

    {"SetScanout",
     [] {
       return ask::SetScanout(0, kTexture, {0, 0, 64, 32});
     },
     "OK_NODATA"},
    {"SetScanoutOff", [] { return ask::SetScanout(0, 0, {}); }, "OK_NODATA"},
    {"SetScanoutUnknownScanout",
     [] {
       return ask::SetScanout(1, kTexture, {0, 0, 64, 32});
     },
     "ERR_INVALID_SCANOUT_ID"},
    {"SetScanoutUnknownResource",
     [] {
       return ask::SetScanout(0, kUnknown, {0, 0, 64, 32});
     },
     "ERR_INVALID_RESOURCE_ID"},
    {"SetScanoutOutside",
     [] {
       return ask::SetScanout(0, kTexture, {1, 0, 64, 32});
     },
     "ERR_INVALID_PARAMETER"},
    {"SetScanoutWhoseSumWraps",
     [] {
       return ask::SetScanout(0, kTexture, {kMinusOne, 0, 2, 1});
     },
     "ERR_INVALID_PARAMETER"},
    {"Flush", [] { return ask::Flush(kTexture); }, "OK_NODATA"},
    {"FlushUnknown", [] { return ask::Flush(kUnknown); }, "ERR_INVALID_RESOURCE_ID"},

    {"ScanoutBlob", [] { return ScanoutBlob([](auto&) {}); }, "OK_NODATA"},
    {"ScanoutBlobUnknownScanout", [] { return ScanoutBlob([](auto& s) { s.scanout_id = 16; }); },
     "ERR_INVALID_SCANOUT_ID"},
    {"ScanoutBlobOfNoBlob", [] { return ScanoutBlob([](auto& s) { s.resource_id = kTexture; }); },
     "ERR_INVALID_RESOURCE_ID"},
    {"ScanoutBlobUnknownFormat", [] { return ScanoutBlob([](auto& s) { s.format = 60000; }); },
     "ERR_INVALID_PARAMETER"},
    {"ScanoutBlobStrideBelowARow", [] { return ScanoutBlob([](auto& s) { s.strides[0] = 127; }); },
     "ERR_INVALID_PARAMETER"},
    {"ScanoutBlobOutsideItsBytes",
     [] { return ScanoutBlob([](auto& s) { s.offsets[0] = 8192 - 2048 + 1; }); },
     "ERR_INVALID_PARAMETER"},
    {"ScanoutBlobRectOutside", [] { return ScanoutBlob([](auto& s) { s.rect.x = 1; }); },
     "ERR_INVALID_PARAMETER"},

    {"CreateHostBlob", [] { return ask::CreateBlob(1, ask::Blob(1, kBlobMemHost3d, 64)); },
     "OK_NODATA"},
    {"CreateGuestBlob", [] { return ask::CreateBlob(0, ask::Blob(1, kBlobMemGuest, 64), {64}); },
     "OK_NODATA"},
    {"CreateSharedBlob",
     [] { return ask::CreateBlob(1, ask::Blob(1, kBlobMemHost3dGuest, 64), {64}); }, "OK_NODATA"},
    {"CreateBlobId0", [] { return ask::CreateBlob(1, ask::Blob(0, kBlobMemHost3d, 64)); },
     "ERR_INVALID_RESOURCE_ID"},
    {"CreateBlobTwice", [] { return ask::CreateBlob(1, ask::Blob(kHostBlob, kBlobMemHost3d, 64)); },
     "ERR_INVALID_RESOURCE_ID"},
    {"CreateBlobOfNothing", [] { return ask::CreateBlob(1, ask::Blob(1, kBlobMemHost3d, 0)); },
     "ERR_INVALID_PARAMETER"},
    {"CreateBlobOfNoMemory", [] { return ask::CreateBlob(1, ask::Blob(1, 9, 64)); },
     "ERR_INVALID_PARAMETER"},
    {"CreateGuestBlobSmallerEntries",
     [] { return ask::CreateBlob(0, ask::Blob(1, kBlobMemGuest, 65), {64}); },
     "ERR_INVALID_PARAMETER"},
    {"CreateHostBlobWithEntries",
     [] { return ask::CreateBlob(1, ask::Blob(1, kBlobMemHost3d, 64), {64}); },
     "ERR_INVALID_PARAMETER"},
    {"CreateHostBlobUnknownContext",
     [] { return ask::CreateBlob(2, ask::Blob(1, kBlobMemHost3d, 64)); }, "ERR_INVALID_CONTEXT_ID"},
    {"CreateHostBlobTooLarge",
     [] { return ask::CreateBlob(1, ask::Blob(1, kBlobMemHost3d, UINT64_MAX)); },
     "ERR_OUT_OF_MEMORY"},
    {"CreateGuestBlobPastTheBudget",
     [] { return ask::CreateBlob(0, ask::Blob(1, kBlobMemGuest, 64), {1u << 21}); },
     "ERR_OUT_OF_MEMORY"},
    {"MapBlob", [] { return ask::MapBlob(kHostBlob, 4096); }, "OK_MAP_INFO"},
    {"MapNoBlob", [] { return ask::MapBlob(kTexture, 4096); }, "ERR_INVALID_RESOURCE_ID"},
    {"MapBlobBetweenPages", [] { return ask::MapBlob(kHostBlob, 100); }, "ERR_INVALID_PARAMETER"},
    {"MapBlobWhoseEndWraps", [] { return ask::MapBlob(kHostBlob, UINT64_MAX - 4095); },
     "ERR_INVALID_PARAMETER"},
    {"MapBlobThatIsNotMappable", [] { return ask::MapBlob(kGuestBlob, 0); },
     "ERR_INVALID_PARAMETER"},
    {"UnmapOfUnmapped", [] { return ForBlob(kHostBlob); }, "ERR_INVALID_PARAMETER"},
    {"UnmapNoBlob", [] { return ForBlob(kTexture); }, "ERR_INVALID_RESOURCE_ID"},

    {"Cursor", [] { return ask::UpdateCursor(0, kTexture, 1, 1); }, "OK_NODATA"},
    {"CursorOff", [] { return ask::UpdateCursor(0, 0, 1, 1); }, "OK_NODATA"},
    {"CursorUnknownScanout", [] { return ask::UpdateCursor(1, kTexture, 1, 1); },
     "ERR_INVALID_SCANOUT_ID"},
    {"CursorUnknownResource", [] { return ask::UpdateCursor(0, kUnknown, 1, 1); },
     "ERR_INVALID_RESOURCE_ID"},
    {"CursorMove", [] { return ask::UpdateCursor(0, 0, 1, 1, CommandType::MOVE_CURSOR); },
     "OK_NODATA"},
    {"CursorMoveUnknownScanout",
     [] { return ask::UpdateCursor(16, 0, 1, 1, CommandType::MOVE_CURSOR); },
     "ERR_INVALID_SCANOUT_ID"},

    {"UnknownCommand", [] { return Request(CommandType{0x7777}, wire::HeaderOnly()); },
     "ERR_UNSPEC"},
    {"ShorterThanItsStruct", [] { return Cut(ask::Create2d(1, 8, 8), 1); },
     "ERR_INVALID_PARAMETER"},
    {"ShorterThanAHeader", [] { return Request(std::vector<std::byte>(23)); },
     "ERR_INVALID_PARAMETER"},
};

DeviceOptions SmallBudgets() {
  DeviceOptions options;
  options.max_memory = 1 << 20;
  options.max_host_memory = 1 << 30;
  return options;
}

class DeviceAnswers : public DeviceTest, public testing::WithParamInterface<Case> {
 protected:
  DeviceAnswers() {
    MakeDevice(SmallBudgets());
    Answer(ask::CreateContext(1));
    Answer(ask::Create2d(kTexture, 64, 32));
    Answer(ask::Attach(kTexture, {4096, 4096}));
    Answer(ask::Create3d(kNoBacking, 2, 16, 16));
    Answer(ask::Create3d(kBuffer, 0, 256, 1));
    Answer(ask::CreateBlob(1, ask::Blob(kHostBlob, kBlobMemHost3d, 8192)));
    auto guest = ask::Blob(kGuestBlob, kBlobMemGuest, 8192);
    guest.blob_flags = 0;
    Answer(ask::CreateBlob(0, guest, {8192}));
    renderer_.calls.clear();
  }
};

TEST_P(DeviceAnswers, AsItIsWritten) {
  EXPECT_EQ(Answer(GetParam().request()), GetParam().answer);
  // A command that the device refuses does not reach the renderer.
  if (std::string_view(GetParam().answer).starts_with("ERR_")) {
    for (const std::string& call : renderer_.calls) {
      EXPECT_TRUE(call == "ForceContext0" || call.starts_with("GetCapset")) << call;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, DeviceAnswers, testing::ValuesIn(kCases), NameOf);

// Every command that the renderer answers passes its refusal on.
const Case kRefusable[] = {
    {"Create2d", [] { return ask::Create2d(1, 8, 8); }, ""},
    {"Create3d", [] { return ask::Create3d(1, 2, 8, 8); }, ""},
    {"Attach", [] { return ask::Attach(kNoBacking, {64}); }, ""},
    {"ContextCreate", [] { return ask::CreateContext(2); }, ""},
    {"Submit", [] { return ask::Submit(1, {0}); }, ""},
    {"ToHost2d",
     [] {
       return ask::ToHost2d(kTexture, {0, 0, 1, 1});
     },
     ""},
    {"ToHost3d",
     [] {
       return ToHost({0, 0, 0, 1, 1, 1});
     },
     ""},
    {"FromHost3d",
     [] {
       return ask::FromHost3d(1, ask::Transfer3d(kTexture, {0, 0, 0, 1, 1, 1}));
     },
     ""},
    {"CreateBlob", [] { return ask::CreateBlob(0, ask::Blob(1, kBlobMemGuest, 64), {64}); }, ""},
    {"MapBlob", [] { return ask::MapBlob(kHostBlob, 0); }, ""},
};

class DeviceRefusals : public DeviceAnswers {};

TEST_P(DeviceRefusals, OfTheRendererAreUnspecificErrors) {
  for (const int result : {22, -22}) {
    renderer_.result = result;
    EXPECT_EQ(Answer(GetParam().request()), "ERR_UNSPEC");
  }
  // Nothing is left behind: the same command goes through once the renderer agrees.
  renderer_.result = 0;
  EXPECT_EQ(Answer(GetParam().request()).substr(0, 3), "OK_");
}

INSTANTIATE_TEST_SUITE_P(, DeviceRefusals, testing::ValuesIn(kRefusable), NameOf);

TEST_F(DeviceTest, EveryCommandOfTheTableIsAnsweredOnItsOwnQueueOnly) {
  Answer(ask::CreateContext(1));
  const auto on_the_other_queue = [&](const Request& request) {
    Command command;
    command.request = request.bytes();
    command.queue = QueueOf(request) == Queue::kControl ? Queue::kCursor : Queue::kControl;
    const auto response = device_->Execute(command);
    return response ? NameOfResponse(ReadStruct<wire::CtrlHeader>(response->bytes)->type)
                    : "an error";
  };
#define VGPU_COMMAND(NAME, value, queue_of_it, feature, Struct, OK_RESPONSE, Trailing) \
  EXPECT_EQ(on_the_other_queue({CommandType::NAME, wire::Struct()}), "ERR_UNSPEC") << #NAME;
#include "format/protocol/virtio_gpu.def"
}

TEST_F(DeviceTest, AMapIsRefusedWhileTheBlobIsMappedAndUnmapEndsThat) {
  Answer(ask::CreateContext(1));
  Answer(ask::CreateBlob(1, ask::Blob(20, kBlobMemHost3d, 8192)));
  EXPECT_EQ(Answer(ask::MapBlob(20, 0)), "OK_MAP_INFO");
  EXPECT_EQ(Answer(ask::MapBlob(20, 0)), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Answer(ForBlob(20)), "OK_NODATA");
  EXPECT_EQ(Answer(ask::MapBlob(20, 0)), "OK_MAP_INFO");
}

TEST_F(DeviceTest, WhatAResourceTookIsFreeAgainWhenItIsGone) {
  DeviceOptions options;
  options.max_host_memory = 4096 + host_costs::kResource;
  options.max_memory = 4096 + BackingMemory::kEntryBytes;
  MakeDevice(options);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Answer(ask::Create2d(1, 32, 32)), "OK_NODATA");
    EXPECT_EQ(Answer(ask::Attach(1, {4096})), "OK_NODATA");
    EXPECT_EQ(Answer(ask::Create2d(2, 1, 1)), "ERR_OUT_OF_MEMORY");
    EXPECT_EQ(Answer(ask::Unref(1)), "OK_NODATA");
  }
}

// The library never frees what was announced and not created, neither with its context nor at a
// reset.
TEST_F(DeviceTest, WhatAContextOnlyAnnouncedStaysInTheBudget) {
  constexpr uint64_t kBytes = 1 << 20;
  constexpr uint64_t kCost = kBytes + host_costs::kResource + host_costs::kEntry;
  DeviceOptions options;
  options.max_host_memory = host_costs::kContext + 3 * kCost;
  MakeDevice(options);
  const Request announce = ask::Submit(1, {48 | 11 << 16, 0, 64, 16, kBytes, 1, 1, 1, 0, 0, 0, 7});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Answer(ask::CreateContext(1)), "OK_NODATA");
    EXPECT_EQ(Answer(announce), "OK_NODATA");
    i == 1 ? device_->Reset() : (void)Answer(ask::DestroyContext(1));
  }
  EXPECT_EQ(Answer(ask::CreateContext(1)), "OK_NODATA");
  EXPECT_EQ(Answer(announce), "ERR_OUT_OF_MEMORY");
}

TEST_F(DeviceTest, SmallerLevelsOfAResourceTakeHostMemoryToo) {
  DeviceOptions options;
  options.max_host_memory = 4096 + 1024 + host_costs::kResource;
  MakeDevice(options);
  auto shape = ask::Shape3d(1, 2, 32, 32);
  shape.last_level = UINT32_MAX;  // a count like any other
  EXPECT_EQ(Answer({CommandType::RESOURCE_CREATE_3D, shape}), "ERR_OUT_OF_MEMORY");
  shape.last_level = 1;
  EXPECT_EQ(Answer({CommandType::RESOURCE_CREATE_3D, shape}), "OK_NODATA");
  EXPECT_EQ(Answer(ask::Create2d(2, 1, 1)), "ERR_OUT_OF_MEMORY");
}

TEST_F(DeviceTest, AMappedBlobsResponseSaysItsCacheMode) {
  Answer(ask::CreateContext(1));
  Answer(ask::CreateBlob(1, ask::Blob(20, kBlobMemHost3d, 8192)));
  const auto response = ReadStruct<wire::RespMapInfo>(Execute(ask::MapBlob(20, 0)));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->map_info, 3u);
}

TEST_F(DeviceTest, ACapsetsResponseIsItsBytes) {
  const auto info = ReadStruct<wire::RespCapsetInfo>(Execute(CapsetInfo(1)));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->capset_id, 2u);
  EXPECT_EQ(info->capset_max_version, 2u);
  EXPECT_EQ(info->capset_max_size, 32u);
  const auto capset = Execute(WithCapset(2));
  EXPECT_EQ(capset.size(), sizeof(wire::CtrlHeader) + 32);
  EXPECT_EQ(capset.back(), std::byte{7});
}

TEST_F(DeviceTest, UuidsTellResourcesApart) {
  Answer(ask::Create2d(1, 8, 8));
  Answer(ask::Create2d(2, 8, 8));
  const auto uuid = [&](uint32_t id) {
    const auto response =
        ReadStruct<wire::RespResourceUuid>(Execute(ForBlob(id, CommandType::RESOURCE_ASSIGN_UUID)));
    return std::string(std::begin(response->uuid), std::end(response->uuid));
  };
  EXPECT_NE(uuid(1), uuid(2));
  EXPECT_EQ(uuid(1), uuid(1));
}

}  // namespace
}  // namespace vgpu
