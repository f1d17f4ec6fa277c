// The device's side of one split virtqueue (virtio, "Split Virtqueues"), with indirect descriptors
// and event index.
//
// The rings are in guest memory and hostile. An error of Take or Finish means that the driver has
// broken the queue: the caller stops using it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "capture/vhost_user/descriptor_chain.h"
#include "capture/vhost_user/memory_table.h"
#include "format/protocol/error.h"
#include "format/protocol/wire.h"

namespace vgpu::vhost {

class VirtQueue {
 public:
  // Number of descriptors: a power of two up to limits::kMaxQueueSize. Forgets what is in flight.
  Status SetSize(uint32_t size);
  uint16_t size() const { return size_; }
  // Finds the rings, whose addresses are the front-end's, in `memory`: before the first use, and
  // again after each change of the table.
  Status Place(const MemoryTable& memory, const VringAddress& address, bool event_index);
  // From which index of the available ring on requests are taken. Used ones go on where the ring in
  // memory says. Forgets what is in flight. After Place.
  void Start(uint16_t base);

  struct Request {
    uint16_t head;
    uint64_t serial;  // never the same twice in this queue
    Bytes bytes;      // a private copy of the readable part, valid until the next Take
    uint64_t capacity;
  };
  // The next request that the driver has made available, or nothing.
  Result<std::optional<Request>> Take(const MemoryTable& memory, bool allow_indirect);

  // Puts as much of `response` as has room into the request's writable part and gives the chain
  // back. False where no such request is in flight.
  Result<bool> Finish(const MemoryTable& memory, uint16_t head, uint64_t serial, Bytes response);
  std::size_t in_flight() const { return in_flight_count_; }

  // Asks the driver for a kick at the next request. True where one is there already.
  bool ArmKick();
  // Whether the driver wants to be interrupted for what was finished since the last call.
  bool WantsCall();

  uint16_t next_available() const { return next_available_; }

 private:
  struct InFlight {
    uint64_t serial = 0;
    std::vector<GuestRange> writable;
  };

  std::byte* available_index() const { return available_.data() + 2; }
  Result<std::optional<uint16_t>> NextHead();
  Bytes Gather(const Chain& chain);
  Result<uint32_t> Scatter(const MemoryTable& memory, const std::vector<GuestRange>& writable,
                           Bytes response);
  void PutUsed(uint16_t head, uint32_t written);

  uint16_t size_ = 0;
  bool event_index_ = false;
  std::span<std::byte> descriptors_;
  std::span<std::byte> available_;
  std::span<std::byte> used_;
  uint16_t next_available_ = 0;
  uint16_t next_used_ = 0;
  std::optional<uint16_t> called_at_;  // next_used_ when WantsCall was asked last
  uint64_t next_serial_ = 0;
  std::vector<std::optional<InFlight>> in_flight_;  // by head
  std::size_t in_flight_count_ = 0;
  std::vector<std::byte> gathered_;
};

}  // namespace vgpu::vhost
