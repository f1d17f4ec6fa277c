// A guest whose driver talks to the device through the whole of what serves it: queues in its own
// memory, the transport, the server, the device model on live memory, and a renderer. No VM.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capture/io/event_loop.h"
#include "capture/server/guest_server.h"
#include "heap/live_memory.h"
#include "replay/device/device.h"
#include "tests/support/display_peer.h"
#include "tests/support/vhost_user_front_end.h"
#include "tests/support/watched_renderer.h"

namespace vgpu::test {

struct GuestOptions {
  uint32_t scanouts = 1;
  uint64_t features = feature::kAll;  // that the device offers and the driver takes
  uint64_t max_memory = 64u << 20;
  uint64_t max_host_memory = uint64_t{1} << 30;
  bool virgl = false;        // draw with virglrenderer; else with the null renderer
  bool dmabuf = false;       // the display has GL, and takes textures
  bool late_fences = false;  // WatchedRenderer's
  // Of the front-end's host-visible window. 0: the front-end of QEMU 10, which has none.
  uint64_t window_bytes = 0;
  // Of the dedicated heap. 0: none.
  uint64_t heap_bytes = 0;
  uint64_t heap_quota = ~uint64_t{0};
  // The front-end maps the device's own pool; else it brings one, as QEMU 10 does.
  bool heap_mapped = false;
  bool heap_read_only = false;
  bool draft_2019 = false;
};

// One thread. Everything that waits for the device lets it work meanwhile, for up to 20 seconds.
class ServedGuest {
 public:
  // nullptr where the renderer cannot be; `why` says it.
  static std::unique_ptr<ServedGuest> Create(const GuestOptions& options, std::string& why);
  ~ServedGuest();

  // A request in a chain as Linux makes it: its struct, what follows it, room for the response.
  // Which one it is, from 0.
  using Ticket = std::size_t;
  Ticket Ask(Queue queue, Bytes request);
  // Its response as far as the device wrote it, or nothing where none came yet.
  const std::vector<std::byte>* ResponseTo(Ticket ticket) const;
  // Waits for it. Nothing where it does not come, as from a broken queue.
  std::optional<std::vector<std::byte>> WaitFor(Ticket ticket);
  // The order in which responses came, by ticket.
  const std::vector<Ticket>& answered() const { return answered_; }

  // What is ready now: the device, the display, the window, and used buffers.
  void Pump();
  // Until `done`, or false in the end.
  template <typename Done>
  bool PumpUntil(const Done& done) {
    for (int turn = 0; turn < kTurns; ++turn) {
      Pump();
      if (done()) return true;
      loop_->Wait(std::chrono::milliseconds(2));
    }
    return done();
  }

  // Each command and response that have been seen together, by their types. A request of fewer than
  // four bytes has none.
  using Seen = std::set<std::pair<uint32_t, uint32_t>>;
  const Seen& seen() const { return seen_; }

  // The guest's driver stops and starts, as QEMU tells it; what waits is answered or lost.
  void Stop();
  bool Start();
  // A new socket of the display, which knows nothing.
  void HandOverDisplay();
  void HangUpDisplay();
  // DisplayPeer's.
  void AnswerDrawing();
  bool Reboot();

  VhostUserFrontEnd& front_end() { return *front_end_; }
  GuestRam& ram() { return front_end_->ram(); }
  DisplayPeer& display() { return display_; }
  WatchedRenderer& renderer() { return *renderer_; }
  Device& device() { return *device_; }
  LiveMemory& memory() { return *memory_; }
  const std::vector<std::string>& problems() const { return problems_; }
  bool ended() const { return server_->ended(); }
  // Whether the device has said that it no longer serves a queue.
  bool broken(Queue queue) const { return broken_[static_cast<uint32_t>(queue)]; }

 private:
  static constexpr int kTurns = 10'000;
  static constexpr uint32_t kSlotBytes = 4096;

  // Guest memory of a request in flight, used again after it.
  struct Slot {
    uint64_t request = 0, response = 0;
    uint32_t request_bytes = 0;
  };
  struct InFlight {
    Ticket ticket;
    uint32_t type;  // of the request
    Slot slot;
  };

  explicit ServedGuest(const GuestOptions& options) : options_(options) {}
  bool Begin(std::string& why);
  Status Serve();
  int DisplayEnd() const { return other_display_ ? other_display_.get() : front_end_->display(); }
  Slot TakeSlot(std::size_t request_bytes);
  void TakeUsed(uint32_t queue);

  const GuestOptions options_;
  std::optional<SharedHeap> pool_;
  std::unique_ptr<EventLoop> loop_;
  std::vector<std::string> problems_;
  std::optional<GuestServer> server_;
  std::unique_ptr<WatchedRenderer> renderer_;
  LiveMemory* memory_ = nullptr;  // the device's
  std::optional<Device> device_;
  std::unique_ptr<VhostUserFrontEnd> front_end_;
  DisplayPeer display_;
  UniqueFd other_display_;  // from HandOverDisplay
  std::vector<Slot> free_slots_;
  std::array<std::map<uint16_t, InFlight>, 2> in_flight_;  // by head
  std::vector<std::optional<std::vector<std::byte>>> responses_;
  std::vector<Ticket> answered_;
  std::array<bool, 2> broken_ = {};  // since the driver started
  Seen seen_;
};

}  // namespace vgpu::test
