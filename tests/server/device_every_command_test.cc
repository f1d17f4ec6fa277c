// What holds for each command: its length, its queue, its feature.
#include "tests/server/device_commands.h"

namespace vgpu::test {
namespace {

// Those of the specification.
std::vector<CommandInfo> AllCommands() {
  std::vector<CommandInfo> all;
#define VGPU_COMMAND(NAME, value, queue, feature, Request_, OK_RESPONSE, Trailing) \
  all.push_back(*FindCommand(std::string_view(#NAME)));
#include "format/protocol/virtio_gpu.def"
  std::erase_if(all, [](const CommandInfo& c) { return c.feature == feature::kDraft2019; });
  return all;
}

// The first `size` bytes of a request whose fields are 0.
Request Cut(const CommandInfo& info, std::size_t size) {
  std::vector<std::byte> bytes(info.request_size);
  const le32 type = static_cast<uint32_t>(info.type);
  std::memcpy(bytes.data(), &type, sizeof(type));
  bytes.resize(size);
  return Request(bytes);
}

TEST_F(DeviceCommands, ThatAreShorterThanTheirStructAreRefused) {
  COVERS_ALL(ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  for (const CommandInfo& info : AllCommands()) {
    for (std::size_t size : {info.request_size - 1, sizeof(wire::CtrlHeader) - 1, std::size_t{4}}) {
      EXPECT_EQ(NameOf(SendOn(info.queue, Cut(info, size))), "ERR_INVALID_PARAMETER")
          << info.name << " of " << size << " bytes";
    }
  }
  EXPECT_EQ(NameOf(SendOn(Queue::kControl, Request(std::vector<std::byte>(3)))),
            "ERR_INVALID_PARAMETER");
  EXPECT_EQ(NameOf(SendOn(Queue::kControl, Request(std::vector<std::byte>()))),
            "ERR_INVALID_PARAMETER");
  ExpectAlive();
}

TEST_F(DeviceCommands, OnTheOtherQueueAreRefused) {
  COVERS_ALL(ERR_UNSPEC);
  ASSERT_TRUE(Boot()) << why_;
  for (const CommandInfo& info : AllCommands()) {
    const Queue other = info.queue == Queue::kControl ? Queue::kCursor : Queue::kControl;
    EXPECT_EQ(NameOf(SendOn(other, Cut(info, info.request_size))), "ERR_UNSPEC") << info.name;
  }
  ExpectAlive();
  ExpectNothingIsHeld();
}

TEST_F(DeviceCommands, OfFeaturesThatTheDriverDidNotTakeAreRefused) {
  COVERS(GET_CAPSET_INFO, ERR_UNSPEC);
  COVERS(GET_CAPSET, ERR_UNSPEC);
  COVERS(GET_EDID, ERR_UNSPEC);
  COVERS(RESOURCE_ASSIGN_UUID, ERR_UNSPEC);
  COVERS(RESOURCE_CREATE_BLOB, ERR_UNSPEC);
  COVERS(SET_SCANOUT_BLOB, ERR_UNSPEC);
  COVERS(CTX_CREATE, ERR_UNSPEC);
  COVERS(CTX_DESTROY, ERR_UNSPEC);
  COVERS(CTX_ATTACH_RESOURCE, ERR_UNSPEC);
  COVERS(CTX_DETACH_RESOURCE, ERR_UNSPEC);
  COVERS(RESOURCE_CREATE_3D, ERR_UNSPEC);
  COVERS(TRANSFER_TO_HOST_3D, ERR_UNSPEC);
  COVERS(TRANSFER_FROM_HOST_3D, ERR_UNSPEC);
  COVERS(SUBMIT_3D, ERR_UNSPEC);
  COVERS(RESOURCE_MAP_BLOB, ERR_UNSPEC);
  COVERS(RESOURCE_UNMAP_BLOB, ERR_UNSPEC);
  ASSERT_TRUE(Boot({.features = 0})) << why_;
  for (const CommandInfo& info : AllCommands()) {
    const std::string answer = NameOf(SendOn(info.queue, Cut(info, info.request_size)));
    EXPECT_EQ(answer == "ERR_UNSPEC", info.feature != feature::kBase) << info.name << answer;
  }
  ExpectAlive();
}

TEST_F(DeviceCommands, ThatNobodyKnowsAreRefusedOnBothQueues) {
  ASSERT_TRUE(Boot()) << why_;
  for (const uint32_t type : {0u, 0xffu, 0x010eu, 0x020au, 0x0302u, 0x1100u, 0xffffffffu}) {
    wire::HeaderOnly request;
    const Request unknown(static_cast<CommandType>(type), request);
    EXPECT_EQ(NameOf(SendOn(Queue::kControl, unknown)), "ERR_UNSPEC");
    EXPECT_EQ(NameOf(SendOn(Queue::kCursor, unknown)), "ERR_UNSPEC");
  }
  ExpectAlive();
}

// Without a renderer's feature there are only 2D pictures, and they work.
TEST_F(DeviceCommands, Of2dWorkWithoutAnyFeature) {
  ASSERT_TRUE(Boot({.features = 0})) << why_;
  MakePicture(1, 32, 16);
  Expect(ask::SetScanout(0, 1, Rect(0, 0, 32, 16)));
  Expect(Flush(1, Rect(0, 0, 32, 16)));
  Expect(ask::UpdateCursor(0, 1, 3, 4));
  Expect(ask::Detach(1));
  Expect(ask::Unref(1));
  ExpectNothingIsHeld();
}

}  // namespace
}  // namespace vgpu::test
