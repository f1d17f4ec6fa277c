// The fixture of the tests of commands, one by one.
#pragma once

#include "tests/server/served_guest_fixture.h"

namespace vgpu::test {

inline constexpr uint32_t kTexture2d = 2;
inline constexpr uint64_t kWindow = 1u << 20;

class DeviceCommands : public ServedGuestTest {
 protected:
  // A mappable blob of the host's, of two pages.
  void MakeHostBlob(uint32_t id) {
    Expect(ask::CreateContext(1));
    Expect(CreateBlob(1, ask::Blob(id, kBlobMemHost3d, 2 * kPageBytes), {}));
  }
  void MakeGuestBlob(uint32_t id, uint32_t bytes) {
    Expect(CreateBlob(0, ask::Blob(id, kBlobMemGuest, bytes), Scattered(bytes)));
  }
  static wire::SetScanoutBlob ScanoutBlob(uint32_t id, uint32_t width, uint32_t height) {
    wire::SetScanoutBlob request;
    request.rect = {0, 0, width, height};
    request.resource_id = id;
    request.width = width;
    request.height = height;
    request.format = kBgrx;
    request.strides[0] = width * 4;
    return request;
  }
  std::string Answer(const wire::SetScanoutBlob& request) {
    return ServedGuestTest::Answer({CommandType::SET_SCANOUT_BLOB, request});
  }
  using ServedGuestTest::Answer;
};

}  // namespace vgpu::test
