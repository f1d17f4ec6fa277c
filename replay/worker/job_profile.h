// What a profile adds to a job's replay: a profiler around the timed renderer, for the first loop.
#pragma once

#include <memory>
#include <optional>

#include "replay/timing/profiled_renderer.h"
#include "replay/worker/replay_job.h"
#include "replay/worker/replay_observer.h"

namespace vgpu {

// Of a job without a profile it does nothing, and hands on the renderers that it is given.
class JobProfile {
 public:
  // All outlive it. `renderer` has started.
  JobProfile(const ReplayJob& job, Renderer& renderer, ReplayObserver& observer);
  ~JobProfile() = default;
  JobProfile(const JobProfile&) = delete;
  JobProfile& operator=(const JobProfile&) = delete;

  // What the timed renderer wraps, and what the device draws with.
  Renderer& inner() { return finishing_ ? *finishing_ : renderer_; }
  Renderer& Outer(TimedRenderer& timed);

  // The first loop is at its end. Nothing where there is no profile, or it was told.
  std::optional<ProfileEvent> End(TimedRenderer& timed, const PlayReport& report);

 private:
  Renderer& renderer_;
  ReplayObserver& observer_;
  std::optional<Profiler> profiler_;
  std::optional<FinishingRenderer> finishing_;
  std::optional<ProfiledRenderer> profiled_;
  bool told_ = false;
};

}  // namespace vgpu
