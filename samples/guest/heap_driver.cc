// A driver in user space for a virtio-gpu device that shares a dedicated heap with its guest, for a
// guest whose kernel leaves the device alone. The heap is the memory of an ivshmem device: the
// driver allocates from it as drm_gem_vram would, and drives the control and the cursor queue with
// resources that lie in it. Says on stdout what it has done.
//
// Usage: heap_driver STEP [COUNT] [STEP [COUNT]]... `hold` leaves what is shown until a line comes
// on stdin. Exit status: 0; 1, with a sentence, where anything is not as it must be; 2 for wrong
// usage.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "heap_driver/report.h"
#include "heap_driver/steps.h"

namespace {

// A display gets what was flushed last a moment later.
void Hold(HeapGuest*, int) {
  sleep(1);
  Say("holds the picture");
  std::getchar();
}

struct Step {
  std::string_view name;
  int count;  // unless the command line says another
  void (*take)(HeapGuest*, int count);
};

constexpr Step kSteps[] = {
    {"draw", 8, DrawFrames},
    {"gl", 4, ClearTargets},
    {"cursor", 20, MoveCursor},
    {"churn", 200, Churn},
    {"refused", 1, AskForWhatMustBeRefused},
    {"hold", 1, Hold},
};

int Usage() {
  std::printf("Usage: heap_driver STEP [COUNT] [STEP [COUNT]]...; the steps are");
  for (const Step& step : kSteps) std::printf(" %s", step.name.data());
  std::printf("\n");
  return 2;
}

const Step* Find(std::string_view name) {
  for (const Step& step : kSteps) {
    if (step.name == name) return &step;
  }
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Step> steps;
  for (int i = 1; i < argc; ++i) {
    if (const Step* step = Find(argv[i])) {
      steps.push_back(*step);
    } else if (const int count = std::atoi(argv[i]); count > 0 && !steps.empty()) {
      steps.back().count = count;
    } else {
      return Usage();
    }
  }
  if (steps.empty()) return Usage();
  HeapGuest guest;
  for (const Step& step : steps) step.take(&guest, step.count);
  return 0;
}
