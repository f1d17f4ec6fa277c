// The fixture of the tests of what a guest shows on the display of the front-end. Blobs of guest
// memory are pictures without any GL; what is drawn needs it.
#pragma once

#include "tests/server/served_guest_fixture.h"

namespace vgpu::test {

inline const Request kGetInfo(CommandType::GET_DISPLAY_INFO, wire::HeaderOnly());

class DeviceShown : public ServedGuestTest {
 protected:
  // A blob of guest memory in which each pixel is Pixel(x, y).
  Pieces MakeBlobPicture(uint32_t id, uint32_t width, uint32_t height, uint32_t salt = 0) {
    const uint32_t bytes = width * height * 4;
    const Pieces pieces = Scattered(bytes);
    Paint(pieces, width, height, salt);
    Expect(CreateBlob(0, ask::Blob(id, kBlobMemGuest, bytes), pieces));
    return pieces;
  }
  void Paint(const Pieces& pieces, uint32_t width, uint32_t height, uint32_t salt) {
    std::vector<uint32_t> pixels;
    for (uint32_t y = 0; y < height; ++y) {
      for (uint32_t x = 0; x < width; ++x) pixels.push_back(Pixel(x, y, salt));
    }
    Write(pieces, std::as_bytes(std::span(pixels)));
  }
  void SetBlob(uint32_t scanout, uint32_t id, uint32_t width, uint32_t height, wire::Rect rect) {
    wire::SetScanoutBlob request;
    request.rect = rect;
    request.scanout_id = scanout;
    request.resource_id = id;
    request.width = width;
    request.height = height;
    request.format = kBgrx;
    request.strides[0] = width * 4;
    Expect({CommandType::SET_SCANOUT_BLOB, request});
  }
  void SetBlob(uint32_t scanout, uint32_t id, uint32_t width, uint32_t height) {
    SetBlob(scanout, id, width, height, Rect(0, 0, width, height));
  }
  // A blob that is shown on scanout 0.
  Pieces Show(uint32_t id, uint32_t width, uint32_t height, uint32_t salt = 0) {
    const Pieces pieces = MakeBlobPicture(id, width, height, salt);
    SetBlob(0, id, width, height);
    Expect(Flush(id, Rect(0, 0, width, height)));
    EXPECT_TRUE(Shows(0, width, height, salt));
    return pieces;
  }
  bool IsOff(uint32_t scanout) {
    return guest().PumpUntil([&] {
      return display().scanouts[scanout].width == 0 && display().scanouts[scanout].height == 0;
    });
  }
  template <typename Check>
  bool CursorIs(uint32_t scanout, const Check& check) {
    return guest().PumpUntil([&] { return check(display().cursors[scanout]); });
  }
  uint32_t Width(ServedGuest::Ticket ticket) {
    const auto info = ReadStruct<wire::RespDisplayInfo>(*guest().ResponseTo(ticket));
    return info ? uint32_t{info->pmodes[0].rect.width} : 0;
  }
  // With a display that has 256 bytes of EDID.
  bool BootWithEdid() {
    if (!Boot()) return false;
    display().has_edid = true;
    display().edid.size = 256;
    display().edid.edid[0] = 0xab;
    display().edid.edid[255] = 0xcd;
    guest().HandOverDisplay();
    return true;
  }
  // Pixel(x, y) in a cursor's size, packed.
  void MakeCursor(uint32_t id, uint32_t salt) { MakeBlobPicture(id, 64, 64, salt); }
};

}  // namespace vgpu::test
