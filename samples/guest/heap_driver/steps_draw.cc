#include <bit>
#include <cstdlib>
#include <vector>

#include "report.h"
#include "steps.h"

namespace {

// Through another range of the heap: what was drawn is not what is looked at.
void ExpectPattern(HeapGuest* guest, Resource* picture, uint32_t seed) {
  guest->Move(picture);
  guest->ReadBack(*picture);
  if (const auto wrong = guest->CountWrong(*picture, seed); wrong != 0) {
    Fail("draw: frame %u comes back with %llu of %u pixels wrong", seed,
         static_cast<unsigned long long>(wrong), picture->columns * picture->rows);
  }
}

// The virgl stream's commands and objects (virglrenderer's virgl_protocol.h).
constexpr uint32_t kCreateObject = 1, kDestroyObject = 3, kSetFramebuffer = 5, kClear = 7;
constexpr uint32_t kSurface = 8;      // an object
constexpr uint32_t kColor0 = 1 << 2;  // what CLEAR clears

struct Color {
  float red, green, blue;
};

std::vector<uint32_t> StreamThatClears(uint32_t resource, uint32_t surface, Color color) {
  std::vector<uint32_t> stream;
  const auto add = [&stream](uint32_t command, uint32_t object, std::vector<uint32_t> words) {
    stream.push_back(command | object << 8 | static_cast<uint32_t>(words.size()) << 16);
    stream.insert(stream.end(), words.begin(), words.end());
  };
  const auto word = [](float value) { return std::bit_cast<uint32_t>(value); };
  add(kCreateObject, kSurface, {surface, resource, kFormatBgrx, 0, 0});
  add(kSetFramebuffer, 0, {1, 0, surface});
  add(kClear, 0, {kColor0, word(color.red), word(color.green), word(color.blue), word(1), 0, 0, 0});
  add(kSetFramebuffer, 0, {0, 0});
  add(kDestroyObject, kSurface, {surface});
  return stream;
}

// Rounding is the host's.
bool IsNear(uint32_t pixel, uint32_t shift, float value) {
  const int difference = static_cast<int>(pixel >> shift & 0xff) - static_cast<int>(value * 255);
  return std::abs(difference) <= 1;
}

void ExpectColor(const HeapGuest& guest, const Resource& target, Color color) {
  for (const uint32_t pixel : guest.WordsOf(target)) {
    if (IsNear(pixel, 16, color.red) && IsNear(pixel, 8, color.green) &&
        IsNear(pixel, 0, color.blue)) {
      continue;
    }
    Fail("gl: a target that was cleared to %.2f %.2f %.2f has a pixel 0x%08x", color.red,
         color.green, color.blue, pixel);
  }
}

}  // namespace

void DrawFrames(HeapGuest* guest, int count) {
  const wire::Rect size = guest->gpu().DisplaySize();
  Resource pictures[2];
  for (Resource& picture : pictures) {
    picture = guest->MakePicture(kFormatBgrx, size.width, size.height, Placement::kTopDown);
  }
  for (int frame = 0; frame < count; ++frame) {
    Resource& picture = pictures[frame % 2];
    guest->Draw(picture, frame);
    guest->Upload(picture);
    guest->Show(picture);
    if (guest->gpu().has_virgl()) ExpectPattern(guest, &picture, frame);
  }
  guest->Keep({pictures[0], pictures[1]});
  Say("draw: %d frames of %ux%u are shown%s", count, size.width, size.height,
      guest->gpu().has_virgl() ? ", and came back as they were drawn" : "");
}

void ClearTargets(HeapGuest* guest, int count) {
  constexpr uint32_t kContext = 1;
  Gpu& gpu = guest->gpu();
  if (!gpu.has_virgl()) Fail("gl: the device has no VIRGL");
  const wire::Rect size = gpu.DisplaySize();
  const Resource target = guest->MakeTarget(size.width, size.height);
  gpu.CreateContext(kContext);
  gpu.AttachToContext(kContext, target.id);
  for (int frame = 0; frame < count; ++frame) {
    const Color color = {static_cast<float>(frame + 1) / static_cast<float>(count), 0.5f, 0.25f};
    gpu.Submit(kContext, StreamThatClears(target.id, frame + 1, color));
    guest->Show(target);
    guest->Clear(target);
    guest->ReadBack(target);
    ExpectColor(*guest, target, color);
  }
  gpu.DetachFromContext(kContext, target.id);
  gpu.DestroyContext(kContext);
  guest->Keep({target});
  Say("gl: a target of %ux%u was cleared to %d colours, which came back", size.width, size.height,
      count);
}

void MoveCursor(HeapGuest* guest, int count) {
  constexpr uint32_t kSide = 64;
  const Resource cursor = guest->MakePicture(kFormatBgra, kSide, kSide, Placement::kTopDown);
  guest->Draw(cursor, 1);
  guest->Upload(cursor);
  guest->gpu().UpdateCursor(cursor.id, 0, 0);
  for (int place = 1; place <= count; ++place) guest->gpu().MoveCursor(20 * place, 10 * place);
  guest->gpu().UpdateCursor(0, 0, 0);
  guest->Free(cursor);
  Say("cursor: it was in %d places", count + 1);
}
