// Drives a display through the kernel's mode-setting interface, without GL, in the ways that a
// desktop does. Says on stdout what it has done.
//
// Usage: kms_tour [--hold] STEP [COUNT]. With --hold the last picture stays until a line comes on
// stdin. Exit status: 0; 1 where the kernel refuses; 2 for wrong usage; 77 where there is no
// display.
#include <poll.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "kms_display.h"

namespace {

int Fail(const char* what) {
  std::printf("kms_tour: %s: %s\n", what, std::strerror(errno));
  return 1;
}

// Draws one picture in the preferred mode.
std::optional<Buffer> ShowTiles(Display* display, uint32_t seed) {
  auto buffer = display->MakeBuffer(display->modes()[0]);
  if (!buffer) return {};
  buffer->DrawTiles(seed);
  if (!display->Show(*buffer, display->modes()[0])) return {};
  return buffer;
}

int Draw(Display* display, int seed) {
  const auto buffer = ShowTiles(display, seed);
  if (!buffer) return Fail("the picture cannot be shown");
  std::printf("kms_tour: a picture of %ux%u is shown\n", buffer->width, buffer->height);
  return 0;
}

// Shows a picture of its own in each of the first modes that differ in size and are no wider than
// the preferred one.
int ChangeModes(Display* display, int count) {
  const drmModeModeInfo* last = nullptr;
  int shown = 0;
  for (const drmModeModeInfo& mode : display->modes()) {
    if (shown == count) break;
    if (mode.hdisplay > display->modes()[0].hdisplay) continue;
    if (last != nullptr && last->hdisplay == mode.hdisplay && last->vdisplay == mode.vdisplay)
      continue;
    const auto buffer = display->MakeBuffer(mode);
    if (!buffer) return Fail("a buffer cannot be made");
    buffer->DrawTiles(++shown);
    if (!display->Show(*buffer, mode)) return Fail("a mode cannot be set");
    std::printf("kms_tour: mode %ux%u is set\n", mode.hdisplay, mode.vdisplay);
    last = &mode;
  }
  return shown >= 2 ? 0 : Fail("the display has fewer than two modes");
}

// A cursor of two shapes that moves over a picture, off its edge too, and is hidden at the end.
int MoveCursor(Display* display, int count) {
  constexpr uint32_t kSide = 64;
  const auto picture = ShowTiles(display, 1);
  if (!picture) return Fail("the picture cannot be shown");
  for (const uint32_t color : {0x80800000u, 0xff00ff00u}) {
    const auto cursor = display->MakeBuffer(kSide, kSide);
    if (!cursor) return Fail("a cursor cannot be made");
    cursor->Fill(0, 0, kSide, kSide, color);
    cursor->Fill(8, 8, kSide / 2, kSide / 4, 0xffffffff);
    if (drmModeSetCursor(display->fd(), display->crtc(), cursor->handle, kSide, kSide) != 0) {
      return Fail("the cursor cannot be set");
    }
    for (int i = 0; i < count; ++i) {
      const int x = static_cast<int>(picture->width) * i / count - 16;
      if (drmModeMoveCursor(display->fd(), display->crtc(), x, 20 + 4 * i) != 0) {
        return Fail("the cursor cannot be moved");
      }
    }
  }
  if (drmModeSetCursor(display->fd(), display->crtc(), 0, 0, 0) != 0)
    return Fail("the cursor cannot be hidden");
  std::printf("kms_tour: a cursor of two shapes moved to %d places\n", 2 * count);
  return 0;
}

bool WaitForFlip(int fd) {
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  if (poll(&ready, 1, 5000) != 1) return false;
  drmEventContext handlers{};
  handlers.version = 2;
  handlers.page_flip_handler = [](int, unsigned, unsigned, unsigned, void*) {};
  return drmHandleEvent(fd, &handlers) == 0;
}

// Flips between two buffers, each drawn anew while the other is shown.
int Flip(Display* display, int count) {
  const auto first = ShowTiles(display, 0);
  const auto second = display->MakeBuffer(display->modes()[0]);
  if (!first || !second) return Fail("the buffers cannot be made");
  for (int i = 1; i <= count; ++i) {
    const Buffer& next = i % 2 == 0 ? *first : *second;
    next.DrawTiles(i);
    if (drmModePageFlip(display->fd(), display->crtc(), next.framebuffer, DRM_MODE_PAGE_FLIP_EVENT,
                        nullptr) != 0) {
      return Fail("the page cannot be flipped");
    }
    if (!WaitForFlip(display->fd())) return Fail("no event tells that the page was flipped");
  }
  std::printf("kms_tour: %d pages were flipped\n", count);
  return 0;
}

// Changes parts of the picture that is shown, and tells the kernel which.
int ChangeParts(Display* display, int count) {
  const auto picture = ShowTiles(display, 2);
  if (!picture) return Fail("the picture cannot be shown");
  for (int i = 0; i < count; ++i) {
    const uint32_t x = i * 53 % (picture->width - 40), y = i * 31 % (picture->height - 24);
    picture->Fill(x, y, 40, 24, 0xff000000 | 0x0a1420 * (i % 12 + 1));
    drmModeClip part{static_cast<uint16_t>(x), static_cast<uint16_t>(y),
                     static_cast<uint16_t>(x + 40), static_cast<uint16_t>(y + 24)};
    if (drmModeDirtyFB(display->fd(), picture->framebuffer, &part, 1) != 0)
      return Fail("a part cannot be shown");
  }
  std::printf("kms_tour: %d parts of the picture were changed\n", count);
  return 0;
}

struct Step {
  std::string_view name;
  int count;  // unless the command line says another
  int (*take)(Display*, int count);
};

constexpr Step kSteps[] = {
    {"draw", 3, Draw},   {"modes", 3, ChangeModes},  {"cursor", 20, MoveCursor},
    {"flips", 60, Flip}, {"parts", 40, ChangeParts},
};

int Usage() {
  std::printf("Usage: kms_tour [--hold] STEP [COUNT]; the steps are");
  for (const Step& step : kSteps) std::printf(" %s", step.name.data());
  std::printf("\n");
  return 2;
}

int TakeStep(const Step& step, int count, bool hold) {
  auto display = Display::Open();
  if (!display) {
    Fail("there is no display");
    return 77;
  }
  const int status = step.take(&*display, count);
  if (hold && status == 0) {
    std::printf("kms_tour: holds the picture\n");
    std::fflush(stdout);
    std::getchar();
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  const bool hold = argc > 1 && std::string_view(argv[1]) == "--hold";
  if (hold) --argc, ++argv;
  if (argc < 2 || argc > 3) return Usage();
  for (const Step& step : kSteps) {
    if (step.name == argv[1])
      return TakeStep(step, argc > 2 ? std::atoi(argv[2]) : step.count, hold);
  }
  return Usage();
}
