#include "capture/shim/turn.h"

#include <pthread.h>
#include <sys/mman.h>

#include <atomic>

#include "capture/shim/recording.h"

namespace vgpu::shim {

namespace {

constexpr std::size_t kPageBytes = 4096;

// All zeros: an unlocked mutex and no recording.
struct Page {
  pthread_mutex_t mutex;
  std::atomic<Recording*> recording;
  std::atomic<RecordingId> id;
  std::atomic<uint32_t> started;
};
static_assert(sizeof(Page) <= kPageBytes);

std::atomic<Page*> g_page = nullptr;

Page* MakePage() {
  void* memory =
      mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  if (madvise(memory, kPageBytes, MADV_WIPEONFORK) != 0) {
    munmap(memory, kPageBytes);
    return nullptr;
  }
  auto* page = static_cast<Page*>(memory);
  Page* other = nullptr;
  if (g_page.compare_exchange_strong(other, page)) return page;
  munmap(memory, kPageBytes);
  return other;
}

Page* PageOrNull() { return g_page.load(std::memory_order_acquire); }

}  // namespace

__attribute__((tls_model("initial-exec"))) thread_local int CallScope::depth_ = 0;

Turn::Turn() { Lock(0); }
Turn::Turn(RecordingId id) { Lock(id); }

void Turn::Lock(RecordingId wanted) {
  Page* page = PageOrNull();
  // Without the lock first: most programs, and all forked children, never get further.
  if (page == nullptr || page->recording.load(std::memory_order_acquire) == nullptr) return;
  pthread_mutex_lock(&page->mutex);
  locked_ = true;
  Recording* recording = page->recording.load(std::memory_order_relaxed);
  if (recording == nullptr || recording->stopped()) return;
  const RecordingId id = page->id.load(std::memory_order_relaxed);
  if (wanted != 0 && wanted != id) return;
  recording_ = recording;
  id_ = id;
}

Turn::~Turn() {
  if (locked_) pthread_mutex_unlock(&PageOrNull()->mutex);
}

void GiveUp(Recording& recording) { recording.GiveUp(); }

uint32_t RecordingsStarted() {
  Page* page = PageOrNull();
  return page == nullptr ? 0 : page->started.load(std::memory_order_relaxed);
}

bool StartRecording(Recording* recording) {
  Page* page = PageOrNull();
  if (page == nullptr) page = MakePage();
  if (page == nullptr) return false;
  pthread_mutex_lock(&page->mutex);
  const bool free = page->recording.load(std::memory_order_relaxed) == nullptr;
  if (free) {
    page->id.store(page->started.fetch_add(1, std::memory_order_relaxed) + 1,
                   std::memory_order_relaxed);
    page->recording.store(recording, std::memory_order_release);
  }
  pthread_mutex_unlock(&page->mutex);
  return free;
}

Recording* StopRecording() {
  Page* page = PageOrNull();
  if (page == nullptr) return nullptr;
  pthread_mutex_lock(&page->mutex);
  Recording* recording = page->recording.exchange(nullptr, std::memory_order_acq_rel);
  pthread_mutex_unlock(&page->mutex);
  return recording;
}

}  // namespace vgpu::shim
