// How far a verb is that reads a trace through, where somebody waits for it.
#pragma once

#include <chrono>
#include <cstdint>

namespace vgpu::cli {

// A line on stderr, "recovering: 43 %", where that is a terminal and the work takes longer than a second.
// Gone with the object.
class ProgressLine {
 public:
  // `wanted` false: shows nothing, because the terminal has the verb's output.
  explicit ProgressLine(bool wanted);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Cheap enough to be called for each chunk.
  void Show(const char* what, uint64_t done, uint64_t all);

 private:
  const bool shows_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace vgpu::cli
