#include "replay/worker/make_renderer.h"

#include <fmt/format.h>

#include "replay/worker/sandbox.h"

namespace vgpu {

namespace {

class ProbeListener : public WorkerListener {
 public:
  Result<RendererInfo> info = MakeError(ErrorCode::kFailed, "the renderer died while it started");

  void OnLine(std::string_view line) override {
    const auto event = DecodeEvent(line);
    if (!event) {
      info = tl::unexpected(event.error());
    } else if (const auto* started = std::get_if<StartedEvent>(&*event)) {
      info = started->renderer;
    } else if (const auto* failed = std::get_if<FailedEvent>(&*event)) {
      info = MakeError(static_cast<ErrorCode>(failed->code), failed->message);
    }
  }
  void OnIdle(const Progress&) override {}
};

WorkerEvent Probe(RendererKind kind) {
  const auto failed = [](const Error& error) {
    return FailedEvent{static_cast<uint32_t>(error.code), error.message};
  };
  if (const auto confined = EnterSandbox({}); !confined) return failed(confined.error());
  auto renderer = MakeRenderer(kind, [](const FenceId&) {}, {});
  if (!renderer) return failed(renderer.error());
  StartedEvent started;
  started.renderer = (*renderer)->Info();
  (void)renderer->release();  // drivers may wait for their threads for ever; the process ends
  return started;
}

}  // namespace

Result<std::unique_ptr<Renderer>> MakeRenderer(RendererKind kind, FenceCallback on_fence,
                                               LogCallback log) {
  switch (kind) {
    case RendererKind::kNull:
      return CreateNullRenderer(std::move(on_fence));
    case RendererKind::kSoftware:
      return CreateSoftwareRenderer(std::move(on_fence));
    case RendererKind::kVirgl:
      break;
  }
  return CreateVirglRenderer(std::move(on_fence), std::move(log));
}

Result<RendererInfo> ProbeRenderer(RendererKind kind, const WorkerOptions& options) {
  auto page = ProgressPage::Create();
  if (!page) return tl::unexpected(page.error());
  ProbeListener listener;
  const auto end = RunWorker(
      options, *page,
      [kind](const WorkerChannel& channel) { channel.Send(EncodeEvent(Probe(kind))); }, listener);
  if (!end) return tl::unexpected(end.error());
  return listener.info;
}

}  // namespace vgpu
