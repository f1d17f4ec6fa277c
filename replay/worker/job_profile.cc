#include "replay/worker/job_profile.h"

namespace vgpu {

JobProfile::JobProfile(const ReplayJob& job, Renderer& renderer, ReplayObserver& observer)
    : renderer_(renderer), observer_(observer) {
  if (!job.profile) return;
  profiler_.emplace(*job.profile, job.trace.filename().string());
  if (job.renderer != RendererKind::kVirgl) return;
  profiler_->UseGl(renderer.Info().gl_renderer);
  if (job.profile->finish) finishing_.emplace(renderer);
}

Renderer& JobProfile::Outer(TimedRenderer& timed) {
  if (!profiler_ || told_) return timed;
  timed.SetSink(&*profiler_);
  observer_.SetProfiler(&*profiler_);
  return profiled_.emplace(timed, *profiler_);
}

std::optional<ProfileEvent> JobProfile::End(TimedRenderer& timed, const PlayReport& report) {
  if (!profiler_ || told_) return std::nullopt;
  told_ = true;
  timed.SetSink(nullptr);
  observer_.SetProfiler(nullptr);
  profiler_->End();
  return ProfileEvent{profiler_->Take(report)};
}

}  // namespace vgpu
