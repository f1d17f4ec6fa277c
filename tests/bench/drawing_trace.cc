// Writes a trace for bench_test.sh: FRAMES frames, each some draws that take llvmpipe a while, so
// that a replay of it is short, nearly all of it is the renderer's, and nothing is compiled in it.
#include <cstdio>
#include <cstdlib>

#include "tests/replay/player_trace.h"

namespace {

constexpr uint32_t kSide = 256;  // of what is read back: some 50 us
constexpr int kDraws = 4;        // in a frame

vgpu::Request ReadBack() {
  vgpu::wire::Box box;
  box.w = box.h = kSide;
  box.d = 1;
  return vgpu::ask::FromHost3d(vgpu::kTestContext, vgpu::ask::Transfer3d(vgpu::kTestResource, box));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: drawing_trace FILE FRAMES\n");
    return 2;
  }
  vgpu::PlayerTrace trace(argv[1]);
  trace.Add(vgpu::ask::CreateContext(vgpu::kTestContext));
  trace.Add(vgpu::ask::Create3d(vgpu::kTestResource, 2, kSide, kSide));
  trace.Add(vgpu::ask::AttachToContext(vgpu::kTestContext, vgpu::kTestResource));
  trace.Add(vgpu::ask::Attach(vgpu::kTestResource, {kSide * kSide * 4}));
  for (int i = 0; i < std::atoi(argv[2]); ++i) {
    for (int draw = 0; draw < kDraws; ++draw) {
      const float red = draw % 2 == 0 ? 0 : 1;
      trace.Add(vgpu::ask::Submit(vgpu::kTestContext,
                                  vgpu::ClearStream(red, 0.5f, 0, i == 0 && draw == 0)));
      trace.Add(ReadBack());
    }
    trace.AddFrame(nullptr);
  }
  return 0;
}
