#include "replay/worker/progress_page.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <new>

namespace vgpu {

namespace {
// The two processes share the integers, so they must not hide a lock.
static_assert(std::atomic<uint64_t>::is_always_lock_free);
constexpr auto kRelaxed = std::memory_order_relaxed;
}  // namespace

std::string DescribeWhere(const Progress& progress) {
  switch (progress.phase) {
    case WorkerPhase::kStarting:
      return "before the first command, opening the trace";
    case WorkerPhase::kStartingRenderer:
      return "before the first command, starting the renderer";
    case WorkerPhase::kReplaying:
      if (progress.commands == 0) return "before the first command";
      return Describe(progress.place);
    case WorkerPhase::kFinishing:
      return "after the last command";
  }
  return "at an unknown place";
}

void ProgressPage::Unmap::operator()(Page* page) const { munmap(page, sizeof(Page)); }

Result<ProgressPage> ProgressPage::Create() {
  void* memory =
      mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return MakeError(ErrorCode::kFailed,
                     std::string("cannot map the worker's progress page: ") + std::strerror(errno));
  }
  ProgressPage page;
  page.page_.reset(new (memory) Page{});
  return page;
}

void ProgressPage::SetPhase(WorkerPhase phase) {
  page_->phase.store(static_cast<uint32_t>(phase), kRelaxed);
  Beat();
}

void ProgressPage::SetTotals(uint64_t commands, uint64_t frames) {
  page_->total_commands.store(commands, kRelaxed);
  page_->total_frames.store(frames, kRelaxed);
}

void ProgressPage::SetPlace(const CommandPlace& place) {
  page_->number.store(place.number, kRelaxed);
  page_->type.store(place.type, kRelaxed);
  page_->context.store(place.context, kRelaxed);
  page_->frame.store(place.frame, kRelaxed);
  page_->commands.store(page_->commands.load(kRelaxed) + 1, kRelaxed);
  Beat();
}

void ProgressPage::Beat() { page_->heartbeat.fetch_add(1, kRelaxed); }

std::atomic<uint32_t>* ProgressPage::renderer_call() { return &page_->renderer_call; }

Progress ProgressPage::Read() const {
  Progress progress;
  const uint32_t phase = page_->phase.load(kRelaxed);
  progress.phase = phase <= static_cast<uint32_t>(WorkerPhase::kFinishing)
                       ? static_cast<WorkerPhase>(phase)
                       : WorkerPhase::kStarting;
  progress.commands = page_->commands.load(kRelaxed);
  progress.total_commands = page_->total_commands.load(kRelaxed);
  progress.total_frames = page_->total_frames.load(kRelaxed);
  progress.place.number = page_->number.load(kRelaxed);
  progress.place.type = page_->type.load(kRelaxed);
  progress.place.context = page_->context.load(kRelaxed);
  progress.place.frame = page_->frame.load(kRelaxed);
  progress.renderer_call = page_->renderer_call.load(kRelaxed);
  progress.heartbeat = page_->heartbeat.load(kRelaxed);
  return progress;
}

}  // namespace vgpu
