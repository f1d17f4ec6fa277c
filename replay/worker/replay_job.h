// One replay, as the worker process does it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "heap/heap_policy.h"
#include "replay/frames/frame_range.h"
#include "replay/frames/ignored_parts.h"
#include "replay/frames/tolerance.h"
#include "replay/golden/manifest.h"
#include "replay/timing/profile.h"
#include "replay/worker/events.h"
#include "replay/worker/progress_page.h"
#include "replay/worker/turns.h"
#include "replay/worker/worker_process.h"

namespace vgpu {

// Of which frames pictures are written.
struct FrameSelection {
  uint64_t every = 1;                // each whose number is a multiple of it
  std::vector<FrameRange> ranges{};  // and that lies in one of these, which ascend and share
                                     // no frame; empty: no condition
  bool Has(uint64_t number) const;
};

enum class RendererKind { kVirgl, kSoftware, kNull };

struct ReplayJob {
  std::filesystem::path trace{};
  RendererKind renderer = RendererKind::kVirgl;
  FrameRange frames{};           // timed, shown, compared; the replay starts at the trace's start
  uint64_t loops = 1;            // 0: until stopped
  std::optional<Turns> turns{};  // each loop waits for one
  bool recorded_pace = false;
  std::chrono::nanoseconds max_frame_gap = std::chrono::seconds(10);  // at recorded pace
  bool window = false;

  bool check_content = false;              // digests of read-backs and frames
  ToleranceChoice tolerance{};             // over the golden set's, where there is one
  IgnoredParts ignored{};                  // beside those of the golden set
  std::optional<GoldenManifest> golden{};  // what frames are compared with, beside the trace
  std::filesystem::path golden_folder{};
  std::string golden_profile{};         // of it; empty: the one that fits the renderer best
  std::string trace_digest{};           // of the file, hex; empty where nobody needs it
  std::filesystem::path keep_folder{};  // for pictures of differences; empty: none are kept
  std::filesystem::path keep_place{};   // where they end up, as differences name it; empty: there
  // So many frames get their pictures kept, that a broken replay does not fill a disk.
  uint64_t max_kept_frames = 16;

  std::filesystem::path pictures_folder{};  // a PNG of each selected frame; empty: none
  FrameSelection pictures{};

  bool frame_digests = false;  // a FrameEvent for each frame of the first loop
  bool frame_times = false;    // FrameTimesEvents and a LoopEvent for each loop
  // The trace is read into memory before the first loop, where it takes no more than a quarter of
  // `max_memory`.
  bool preload = false;

  // Where resources lie, and that it is measured. None: where they were, as if the replay were the
  // recorded device.
  std::optional<HeapChoice> heap{};

  // That and how the time of the first loop is taken apart; a ProfileEvent tells of it.
  std::optional<ProfileOptions> profile{};

  uint32_t fence_timeout_ms = 10'000;  // after which a fence that does not come is a difference
  uint64_t max_memory = 32ull << 30;   // address space of the worker; half of it for backings
  uint64_t max_cpu_seconds = 0;        // CPU time of the worker, all threads; 0: no limit
};

// The body of the worker: confines itself, replays, and sends events, the last of which is Done or
// Failed. Folders exist already.
void RunReplayJob(const ReplayJob& job, ProgressPage& page, const WorkerChannel& channel);

}  // namespace vgpu
