#include "cli/capture/device_process.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "capture/io/event_loop.h"
#include "capture/launcher/signals.h"
#include "capture/server/guest_server.h"
#include "cli/output.h"
#include "cli/verb.h"
#include "format/protocol/escape.h"
#include "heap/live_memory.h"
#include "heap/shared_heap.h"
#include "replay/device/device.h"
#include "replay/renderer/renderer.h"
#include "replay/worker/sandbox.h"

namespace vgpu::cli {

namespace {

constexpr uint32_t kWidth = 1024,
                   kHeight = 768;  // of a display that the front-end does not tell of

void SayOfDevice(const std::string& sentence) {
  PrintError("vgpu-capture device: {}\n", EscapeForTerminal(sentence));
}

Result<std::unique_ptr<Renderer>> MakeRenderer(const DeviceOptions& options, GuestServer& server) {
  const FenceCallback on_fence = [&server](const FenceId& fence) { server.OnFence(fence); };
  if (!options.virgl) return CreateSoftwareRenderer(on_fence);
  return CreateVirglRenderer(on_fence, SayOfDevice, options.render_node);
}

DeviceFacts FactsOf(Renderer& renderer, const vgpu::DeviceOptions& device) {
  const RendererInfo info = renderer.Info();
  DeviceFacts facts{
      device.scanouts,  device.max_memory, device.max_host_memory, info.name + " " + info.version,
      info.gl_vendor,   info.gl_renderer,  info.gl_version,        {},
      device.draft_2019};
  for (const CapsetInfo& capset : OfferedCapsets(renderer)) {
    facts.capsets.push_back(
        {capset.id, capset.max_version, renderer.FillCapset(capset.id, capset.max_version)});
  }
  return facts;
}

class DeviceProcess {
 public:
  explicit DeviceProcess(const DeviceOptions& options) : options_(options) {}

  Status Start(UniqueFd socket);
  HeapOffer HeapToOffer() const;
  // Until the front-end or the user wants no more.
  Status Run();

 private:
  uint64_t Features() const {
    uint64_t features = feature::kEdid;
    if (options_.virgl) features |= feature::kVirgl;
    if (options_.draft_2019) return features;  // the other bits mean other things in it
    features |= feature::kResourceUuid | feature::kResourceBlob;
    return options_.virgl ? features | feature::kContextInit : features;
  }

  const DeviceOptions& options_;
  std::optional<SharedHeap> pool_;
  // In this order: what refers to another thing comes after it.
  std::unique_ptr<SignalReader> signals_;
  std::unique_ptr<EventLoop> loop_;
  std::optional<GuestServer> server_;
  std::unique_ptr<Renderer> renderer_;
  std::optional<Device> device_;
  bool asked_to_end_ = false;
};

Status DeviceProcess::Start(UniqueFd socket) {
  auto signals = SignalReader::Create();
  if (!signals) return tl::unexpected(signals.error());
  signals_ = std::move(*signals);
  auto loop = EventLoop::Create();
  if (!loop) return tl::unexpected(loop.error());
  loop_ = std::move(*loop);
  const auto watched = loop_->Add(signals_->descriptor(), [this] {
    asked_to_end_ = signals_->Next().has_value() || asked_to_end_;
  });
  if (!watched) return watched;

  if (options_.heap != 0) {
    auto pool = SharedHeap::Create(options_.heap);
    if (!pool) return MakeError(ErrorCode::kFailed, pool.error().message);
    pool_.emplace(std::move(*pool));
  }

  // What a guest makes of a GL driver is not to reach further than this process.
  std::unique_ptr<Connection> recorder(Connection::Open(0));
  if (const auto confined = EnterSandbox({}); !confined) {
    return tl::unexpected(confined.error());
  }
  server_.emplace(*loop_, [](const Error& error) { SayOfDevice(error.message); });
  auto renderer = MakeRenderer(options_, *server_);
  if (!renderer) return tl::unexpected(renderer.error());
  renderer_ = std::move(*renderer);
  vgpu::DeviceOptions device;
  device.scanouts = options_.scanouts != 0 ? options_.scanouts : kMaxScanouts;
  device.draft_2019 = options_.draft_2019;
  device.width = kWidth;
  device.height = kHeight;
  device.max_memory = device.max_host_memory = options_.max_memory;
  device_.emplace(
      *renderer_, device,
      std::make_unique<LiveMemory>(options_.max_memory,
                                   [server = &*server_](uint64_t address, uint64_t size,
                                                        std::vector<std::span<std::byte>>& out) {
                                     return server->LocateMemory(address, size, out);
                                   }));

  const uint32_t shown = std::max(options_.scanouts, 1u);
  std::vector<Display> displays(shown, {true, {0, 0, kWidth, kHeight}, 0, {}});
  DeviceFacts facts = FactsOf(*renderer_, device);
  const vhost::DeviceDescription description{.features = Features(),
                                             .scanouts = shown,
                                             .capsets = static_cast<uint32_t>(facts.capsets.size()),
                                             .host_visible_bytes = options_.host_visible,
                                             .heap_bytes = options_.heap};
  return server_->Serve(std::move(socket), description, displays, *device_, std::move(facts),
                        std::move(recorder), options_.dmabuf, HeapToOffer());
}

HeapOffer DeviceProcess::HeapToOffer() const {
  if (!pool_) return {};
  return {options_.heap, options_.heap_quota, options_.heap_read_only, &*pool_};
}

Status DeviceProcess::Run() {
  while (!server_->ended() && !asked_to_end_) loop_->Wait(std::nullopt);
  const auto error = server_->error();
  return error ? Status(tl::unexpected(*error)) : Status();
}

}  // namespace

int ServeDevice(UniqueFd socket, const DeviceOptions& options) {
  DeviceProcess process(options);
  if (Status started = process.Start(std::move(socket)); !started) return Fail(started.error());
  const Status ended = process.Run();
  return ended ? kExitSuccess : Fail(ended.error());
}

}  // namespace vgpu::cli
