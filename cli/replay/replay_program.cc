#include <array>

#include "cli/replay/verbs.h"

namespace vgpu::cli {

const Program& ReplayProgram() {
  static constexpr std::array kVerbs = {
      Verb{"run", "Replay a trace and say how long it took", AddRun},
      Verb{"verify", "Replay a trace and compare it with its recording, or with a golden set",
           AddVerify},
      Verb{"golden",
           "Write or update a golden set: pictures of frames, and what they were made with",
           AddGolden},
      Verb{"bench", "Measure how long traces take, and say whether that is more than it was",
           AddBench},
      Verb{"info", "Say what a trace holds", AddInfo},
      Verb{"dump", "Print what a trace holds, every command decoded", AddDump},
      Verb{"heap", "Say what memory a trace's resources held, and how large a heap they need",
           AddHeap},
      Verb{"recover", "Copy what can be read of a damaged or cut trace into a whole one",
           AddRecover},
  };
  static constexpr Program kProgram{
      "vgpu-replay",
      "Replays virtio-gpu traces on this host's GL, without the guest that made them.", kVerbs};
  return kProgram;
}

}  // namespace vgpu::cli
