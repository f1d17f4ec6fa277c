#include "cli/replay/progress_line.h"
#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace vgpu::cli {

ProgressLine::ProgressLine(bool wanted)
    : shows_(wanted && isatty(STDERR_FILENO) != 0),
      next_(std::chrono::steady_clock::now() + std::chrono::seconds(1)) {}

ProgressLine::~ProgressLine() {
  if (!shown_) return;
  PrintError("\r\033[K");
  std::fflush(stderr);
}

void ProgressLine::Show(const char* what, uint64_t done, uint64_t all) {
  if (!shows_ || std::chrono::steady_clock::now() < next_) return;
  next_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  shown_ = true;
  const double share = all == 0 ? 1 : static_cast<double>(done) / static_cast<double>(all);
  PrintError("\r\033[K{}: {:.0f} %", what, 100 * share);
  std::fflush(stderr);
}

}  // namespace vgpu::cli
