// Writes a trace for window_test.sh: FRAMES frames of 16x16 pixels, one every 50 ms. Frame N is of
// one colour, whose red is N of 255 and whose green is 51.
#include <cstdio>
#include <cstdlib>

#include "tests/replay/player_trace.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: window_trace FILE FRAMES\n");
    return 2;
  }
  vgpu::PlayerTrace trace(argv[1]);
  trace.command_ns = 25'000'000;
  vgpu::AddSetup(trace);
  for (int i = 0; i < std::atoi(argv[2]); ++i) {
    const auto red = static_cast<uint8_t>(i);
    vgpu::AddClearedFrame(trace, i == 0, static_cast<float>(i) / 255,
                          vgpu::SolidPixels(0, 51, red));
  }
  return 0;
}
