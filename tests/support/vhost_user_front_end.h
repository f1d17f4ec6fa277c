// The front-end of a vhost-user connection, as QEMU 10 is one, for tests: guest memory, two queues,
// their descriptors, and every message, well-formed or not.
//
// It runs on the thread of the back-end: `pump` lets the back-end work until nothing is ready.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/io/unique_fd.h"
#include "capture/vhost_user/messages.h"
#include "heap/shared_heap.h"
#include "tests/support/vhost_user_driver.h"
#include "tests/support/vhost_user_window.h"

namespace vgpu::test {

inline constexpr uint64_t kGuestRamBytes = 4u << 20;
// The sizes that QEMU gives a vhost-user-gpu.
inline constexpr uint16_t kQueueSizes[] = {256, 16};
// What a Linux driver takes of what QEMU offers it.
inline constexpr uint64_t kUsualFeatures = vhost::kFeatureVersion1 | vhost::kFeatureIndirect |
                                           vhost::kFeatureEventIndex | vhost::kFeatureProtocol;

// What a front-end takes of the protocol features: those that QEMU 10 knows, and SHMEM.
inline constexpr uint64_t kProtocolFeaturesOfQemu10 = (uint64_t{1} << 20) - 1;
inline constexpr uint64_t kAllProtocolFeatures = ~uint64_t{0};

class VhostUserFrontEnd {
 public:
  // One end of a new socket pair; TakePeer gives the other one, once.
  // With a `socket`, that is its end, and the back-end may be another process: `pump` then waits
  // for it.
  explicit VhostUserFrontEnd(std::function<void()> pump, UniqueFd socket = {});
  UniqueFd TakePeer() { return std::move(peer_); }

  // One message. The descriptors stay the caller's.
  void Send(vhost::Request request, Bytes payload = {}, const std::vector<int>& fds = {},
            uint32_t extra_flags = 0);
  // Bytes as they are, with descriptors.
  void SendRaw(Bytes bytes, const std::vector<int>& fds = {});
  void HangUp() { socket_.Reset(); }

  // Lets the back-end work; then the reply that it sent, or nothing.
  struct Reply {
    vhost::Header header;
    std::vector<std::byte> payload;
  };
  std::optional<Reply> ReadReply();
  // Sends, and returns what the reply holds; 0xdead... where none came.
  uint64_t AskU64(vhost::Request request, Bytes payload = {});
  // Sends with the wish for an acknowledgement; true where it came and says success.
  bool Acknowledged(vhost::Request request, Bytes payload = {}, const std::vector<int>& fds = {});
  template <typename Payload>
  bool AcknowledgedAs(vhost::Request request, const Payload& payload,
                      const std::vector<int>& fds = {}) {
    return Acknowledged(request, vhost::PayloadBytes(payload), fds);
  }

  // The messages of QEMU 10.0.13 when it connects, and when the guest's driver is ready, in their
  // order. It asks for acknowledgements of regions and of the start of queues only. False where one
  // was refused or not answered.
  bool Connect(uint64_t protocol_features = kProtocolFeaturesOfQemu10);
  bool StartDriver(uint64_t features = kUsualFeatures, uint16_t first_index = 0);
  // The same when a paused guest goes on: its queues are the ones that it had.
  bool ResumeDriver(uint64_t features, const std::array<uint32_t, 2>& bases);
  // QEMU's messages when the driver goes or the guest is paused: the base that each queue has then.
  std::array<uint32_t, 2> StopDriver();
  // What a front-end sends that does not use memory slots.
  bool SetMemTable(const std::vector<vhost::MemoryRegion>& regions, const std::vector<int>& fds);

  // Asks for the size of the host-visible window, makes it, and hands over the channel for it.
  // After Connect with kAllProtocolFeatures.
  bool OpenWindow();
  HostVisibleWindow& window() { return *window_; }
  // A heap of the front-end's own at kHeapBase, as QEMU's ivshmem device is one: memory of a file
  // of its own that is shared with the rest. False where it is refused.
  bool AddHeap(uint64_t bytes);
  bool RemoveHeap();
  // All of the guest's memory at once: its own, and so much of the heap.
  bool ShareHeap(uint64_t bytes);
  // The dedicated heap as the guest sees it: AddHeap's, or what the back-end had mapped.
  std::span<std::byte> heap() { return heap_ ? heap_->bytes() : window_->bytes(); }
  // This end of the display's socket while the driver runs, else -1.
  int display() const { return display_.get(); }
  void HangUpDisplay() { display_.Reset(); }
  // Does what the back-end has asked for on that channel, if there is one.
  void ServeWindow() {
    if (window_) window_->Serve();
  }
  // The guest reboots.
  bool ResetDevice();

  GuestRam& ram() { return ram_; }
  // From StartDriver on.
  DriverQueue& queue(uint32_t index) { return *queues_.at(index); }
  // Tells the back-end, as a driver does where the device wants it.
  void Notify(uint32_t queue);
  void Kick(uint32_t queue);  // and lets it work
  // Whether an interrupt has come since the last call.
  bool Called(uint32_t queue);
  // Whether the back-end has said that the queue is broken.
  bool Broken(uint32_t queue);

 private:
  void StartQueue(uint32_t index, uint32_t base);
  void SetCalls();
  bool ShareMemory();
  bool ShareMappedHeap();
  bool EnableQueues(bool enabled);

  struct Events {
    UniqueFd kick, call, error;
  };

  std::function<void()> pump_;
  UniqueFd socket_, peer_;
  UniqueFd display_;
  GuestRam ram_{kGuestRamBytes};
  bool shared_ = false;  // memory is sent once, and stays over resets
  bool heap_shared_ = false;
  std::optional<SharedHeap> heap_;
  std::unique_ptr<HostVisibleWindow> window_;
  std::array<Events, 2> events_;
  std::array<std::unique_ptr<DriverQueue>, 2> queues_;
};

}  // namespace vgpu::test
