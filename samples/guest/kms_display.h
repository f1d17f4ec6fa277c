// A display and its buffers through the kernel's mode-setting interface, without GL: what the
// guest's own test programs draw with.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

// A buffer in memory that the display can show, or use as a cursor (32 bits a pixel). It lives as
// long as the process: the kernel frees it with the descriptor.
struct Buffer {
  uint32_t width = 0, height = 0;
  uint32_t handle = 0, framebuffer = 0;
  uint32_t stride = 0;  // in pixels
  uint32_t* pixels = nullptr;

  void Fill(uint32_t x, uint32_t y, uint32_t w, uint32_t h, uint32_t color) const {
    for (uint32_t row = y; row < y + h && row < height; ++row) {
      for (uint32_t column = x; column < x + w && column < width; ++column) {
        pixels[row * stride + column] = color;
      }
    }
  }

  // Tiles in shades that depend on the place and on `seed`, so that no two pictures are the same
  // and a shifted or torn one is seen.
  void DrawTiles(uint32_t seed) const {
    constexpr uint32_t kTile = 32;
    for (uint32_t y = 0; y < height; y += kTile) {
      for (uint32_t x = 0; x < width; x += kTile) {
        const uint32_t red = x * 255 / width, green = y * 255 / height;
        const uint32_t blue = (x / kTile * 37 + y / kTile * 101 + seed * 59) % 256;
        Fill(x, y, kTile, kTile, 0xff000000 | red << 16 | green << 8 | blue);
      }
    }
  }
};

// The first connected connector of the first card, as its master. None if there is no such thing.
class Display {
 public:
  static std::optional<Display> Open() {
    Display display;
    display.fd_ = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);
    if (display.fd_ < 0 || drmSetMaster(display.fd_) != 0 || !display.FindConnector()) return {};
    return display;
  }

  int fd() const { return fd_; }
  uint32_t crtc() const { return crtc_; }
  // The preferred one first.
  const std::vector<drmModeModeInfo>& modes() const { return modes_; }

  std::optional<Buffer> MakeBuffer(uint32_t width, uint32_t height) const {
    Buffer made{.width = width, .height = height};
    uint64_t size = 0, offset = 0;
    uint32_t pitch = 0;
    if (drmModeCreateDumbBuffer(fd_, width, height, 32, 0, &made.handle, &pitch, &size) != 0 ||
        drmModeMapDumbBuffer(fd_, made.handle, &offset) != 0 ||
        drmModeAddFB(fd_, width, height, 24, 32, pitch, made.handle, &made.framebuffer) != 0) {
      return {};
    }
    void* map =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, static_cast<off_t>(offset));
    if (map == MAP_FAILED) return {};
    made.pixels = static_cast<uint32_t*>(map);
    made.stride = pitch / 4;
    return made;
  }

  std::optional<Buffer> MakeBuffer(const drmModeModeInfo& mode) const {
    return MakeBuffer(mode.hdisplay, mode.vdisplay);
  }

  bool Show(const Buffer& buffer, drmModeModeInfo mode) {
    return drmModeSetCrtc(fd_, crtc_, buffer.framebuffer, 0, 0, &connector_, 1, &mode) == 0;
  }

 private:
  bool FindConnector() {
    const std::unique_ptr<drmModeRes, decltype(&drmModeFreeResources)> resources(
        drmModeGetResources(fd_), drmModeFreeResources);
    if (resources == nullptr || resources->count_crtcs == 0) return false;
    for (int i = 0; i < resources->count_connectors; ++i) {
      const std::unique_ptr<drmModeConnector, decltype(&drmModeFreeConnector)> connector(
          drmModeGetConnector(fd_, resources->connectors[i]), drmModeFreeConnector);
      if (connector == nullptr || connector->connection != DRM_MODE_CONNECTED) continue;
      connector_ = connector->connector_id;
      crtc_ = resources->crtcs[i < resources->count_crtcs ? i : 0];
      modes_.assign(connector->modes, connector->modes + connector->count_modes);
      return !modes_.empty();
    }
    return false;
  }

  int fd_ = -1;
  uint32_t connector_ = 0, crtc_ = 0;
  std::vector<drmModeModeInfo> modes_;
};
