// Serves one front-end with a device: requests in, responses out when their fences are done,
// pictures to its display, and all of it to whoever records.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "capture/io/event_loop.h"
#include "capture/server/device_tap.h"
#include "capture/server/heap_offer.h"
#include "capture/server/pending_requests.h"
#include "capture/server/presenter.h"
#include "capture/vhost_user/display_socket.h"
#include "capture/vhost_user/request_handler.h"
#include "capture/vhost_user/session.h"
#include "format/protocol/gpu_device.h"

namespace vgpu {

// One thread, that of the event loop.
class GuestServer : public vhost::RequestHandler, public vhost::DisplayListener {
 public:
  // Where the guest's memory is, for the device's BackingMemory. Asked while a session runs.
  bool LocateMemory(uint64_t address, uint64_t size, std::vector<std::span<std::byte>>& out) const;
  // The renderer's fence callback.
  void OnFence(const FenceId& fence);

  // `problem`: a sentence for the user.
  GuestServer(EventLoop& loop, std::function<void(const Error&)> problem);
  ~GuestServer() override;

  // Serves the front-end behind `socket` with `device`, which, like the loop, outlives this. Once.
  // `displays`: what they are where the front-end does not tell. `recorder`: nullptr for none.
  // `dmabuf`: Presenter's.
  Status Serve(UniqueFd socket, const vhost::DeviceDescription& description,
               std::span<const Display> displays, GpuDevice& device, DeviceFacts facts,
               std::unique_ptr<Connection> recorder, bool dmabuf = false,
               const HeapOffer& heap = {});
  // The front-end is gone, and why, where it was not its own wish.
  bool ended() const { return session_ == nullptr || session_->ended(); }
  std::optional<Error> error() const;

 private:
  // A request that waits for what the display says.
  struct Deferred {
    vhost::RequestToken token;
    std::vector<std::byte> bytes;
    uint64_t number = 0;
  };

  // Blobs in the host-visible window, by resource.
  struct Window {
    uint64_t offset = 0, size = 0;
  };
  // Responses that wait until the front-end has mapped or unmapped one.
  struct WindowWait {
    vhost::RequestToken token;
    Response response;
    uint32_t resource_id = 0;
    bool maps = false;
  };

  void OnRequest(const vhost::GuestRequest& request) override;
  void Drain(uint32_t queue) override;
  void OnFeatures(uint64_t features) override;
  void OnMemoryChanged() override;
  void OnDisplay(UniqueFd socket) override;
  void OnReset() override;
  void OnProblem(const Error& problem) override { problem_(problem); }
  void OnDisplayDrained() override { presenter_->CatchUp(); }
  void OnDisplayLost(const std::optional<Error>& error) override;

  void Serve(const vhost::RequestToken& token, Bytes request);
  Response Execute(Queue queue, Bytes request, bool inferred);
  void Finish(const vhost::RequestToken& token, Response response);
  void Map(const vhost::RequestToken& token, uint32_t resource_id, uint64_t offset,
           Response response);
  void Mapped(uint64_t wait, bool ok);
  void Unmap(const vhost::RequestToken& token, uint32_t resource_id, Response response);
  void DrainWindow();
  // The number of a new wait.
  uint64_t WaitForWindow(WindowWait wait);
  std::optional<WindowWait> TakeWait(uint64_t wait);
  void Show(Bytes request);
  void Flushed(const wire::ResourceFlush& flush);
  bool Defer(const vhost::GuestRequest& request);
  void RunDeferred(uint64_t last);  // up to the one of this number
  void TakeDisplayInfo(const wire::RespDisplayInfo& info);
  void TakeEdid(uint32_t scanout, const wire::RespEdid& edid);
  void SetDisplay(uint32_t scanout, const Display& display);
  void OfferPool();
  void MissHeap();

  EventLoop& loop_;
  std::function<void(const Error&)> problem_;
  GpuDevice* device_ = nullptr;
  std::optional<DeviceTap> tap_;
  std::unique_ptr<Presenter> presenter_;
  std::unique_ptr<vhost::Session> session_;
  std::unique_ptr<vhost::DisplaySocket> display_;
  std::array<Display, kMaxScanouts> displays_;  // as the device was told
  bool described_ = false;                      // the displays are in the trace
  FencedResponses fenced_;
  std::map<uint64_t, WindowWait> window_waits_;
  uint64_t next_wait_ = 0;
  std::unordered_map<uint32_t, Window> windows_;
  std::list<Deferred> deferred_;
  uint64_t next_deferred_ = 0;
  int fence_descriptor_ = -1;
  uint64_t window_bytes_ = 0;  // of the host-visible window, where the front-end takes one
  HeapOffer heap_offer_;
  bool pool_offered_ = false;                   // since the last reset
  std::optional<vhost::MemoryFile> heap_file_;  // that the guest's memory has it from; none: not
  bool heap_missed_ = false;                    // that it has not was told
  uint64_t next_command_ = 0;
};

}  // namespace vgpu
