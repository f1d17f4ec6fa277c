// A guest that means harm, for the tests of the guard list of replayers (VIRTIO_GPU.md, 6.3): each
// point of it is sent through a queue and answered with its error, and the device is alive after
// it.
#pragma once

#include "tests/server/served_guest_fixture.h"

namespace vgpu::test {

inline constexpr uint32_t kMax = 0xffffffff;
inline constexpr uint32_t kBuffer = 0, kTexture = 2, kTexture3d = 3;  // targets

class HostileGuest : public ServedGuestTest {
 protected:
  void TearDown() override {
    if (guest_ != nullptr && !broken_) ExpectAlive();
    ServedGuestTest::TearDown();
  }
  // An attach that says one number of entries and brings another.
  static Request AttachOf(uint32_t id, uint32_t count, const Pieces& pieces) {
    wire::AttachBacking request;
    request.resource_id = id;
    request.nr_entries = count;
    return Request(CommandType::RESOURCE_ATTACH_BACKING, request).Followed(Encode(pieces));
  }
  static Request SubmitOf(uint32_t size, std::size_t bytes) {
    wire::Submit3d request;
    request.size = size;
    return Request(CommandType::SUBMIT_3D, request).On(1).Followed(std::vector<std::byte>(bytes));
  }
  static wire::TransferHost3d WithStrides(uint32_t id, wire::Box box, uint32_t stride,
                                          uint32_t layer_stride, uint64_t offset = 0) {
    auto transfer = ask::Transfer3d(id, box);
    transfer.stride = stride;
    transfer.layer_stride = layer_stride;
    transfer.offset = offset;
    return transfer;
  }
  void ExpectBothWays(const wire::TransferHost3d& transfer, std::string_view name) {
    Expect(ask::ToHost3d(1, transfer), name);
    Expect(ask::FromHost3d(1, transfer), name);
  }
  std::string Show(uint32_t id, uint32_t width, uint32_t height, uint32_t stride, uint32_t offset,
                   uint32_t format = kBgrx) {
    wire::SetScanoutBlob request;
    request.rect = {0, 0, width, height};
    request.resource_id = id;
    request.width = width;
    request.height = height;
    request.format = format;
    request.strides[0] = stride;
    request.offsets[0] = offset;
    return Answer({CommandType::SET_SCANOUT_BLOB, request});
  }
  // The queue is given up, and nothing else.
  void ExpectBroken(Queue queue) {
    broken_ = true;
    EXPECT_TRUE(guest().PumpUntil([&] { return guest().broken(queue); }));
    EXPECT_FALSE(guest().ended());
    EXPECT_THAT(guest().problems(), testing::Contains(testing::HasSubstr("is broken: ")));
    // A guest that boots again has a device.
    ASSERT_TRUE(guest().Reboot());
    ExpectAlive();
    ExpectNothingIsHeld();
  }
  DriverQueue& Control() { return guest().front_end().queue(0); }

  bool broken_ = false;
};

}  // namespace vgpu::test
