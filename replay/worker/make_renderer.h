// The renderer that a job names.
#pragma once

#include "replay/renderer/renderer.h"
#include "replay/worker/replay_job.h"

namespace vgpu {

// kUnavailable where this machine lacks what it needs.
Result<std::unique_ptr<Renderer>> MakeRenderer(RendererKind kind, FenceCallback on_fence,
                                               LogCallback log);

// What it says of itself, asked in a worker that ends then: this process stays free of GL. Its
// errors, and kFailed where it dies.
Result<RendererInfo> ProbeRenderer(RendererKind kind, const WorkerOptions& options);

}  // namespace vgpu
