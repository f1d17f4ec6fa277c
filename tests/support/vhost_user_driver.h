// A driver's side of split virtqueues in guest memory of its own, for tests of the back-end.
//
// It follows the rules by itself; raw access to descriptors and rings lets a test break them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "capture/io/unique_fd.h"
#include "capture/vhost_user/descriptor_chain.h"
#include "capture/vhost_user/messages.h"

namespace vgpu::test {

// Where the guest's memory lies for the guest, and where for the front-end: neither is an address
// of this process.
inline constexpr uint64_t kGuestBase = 0x4000'0000;
inline constexpr uint64_t kUserBase = 0x7f00'0000'0000;
// Where the guest has the dedicated heap.
inline constexpr uint64_t kHeapBase = 0xe000'0000;

class GuestRam {
 public:
  explicit GuestRam(uint64_t size);
  ~GuestRam();
  GuestRam(const GuestRam&) = delete;
  GuestRam& operator=(const GuestRam&) = delete;

  int fd() const { return fd_.get(); }
  uint64_t size() const { return bytes_.size(); }
  vhost::MemoryRegion region() const { return {kGuestBase, size(), kUserBase, 0}; }

  // Guest-physical address of zeroed memory that nothing else uses.
  uint64_t Allocate(uint64_t size, uint64_t alignment = 16);
  std::byte* At(uint64_t guest_address) { return bytes_.data() + (guest_address - kGuestBase); }
  void Write(uint64_t guest_address, Bytes bytes);
  std::string_view TextAt(uint64_t guest_address, std::size_t size);

 private:
  UniqueFd fd_;
  std::span<std::byte> bytes_;
  uint64_t next_ = kGuestBase;
};

class DriverQueue {
 public:
  DriverQueue(GuestRam& ram, uint16_t size, bool event_index);

  // What SET_VRING_ADDR says of it.
  vhost::VringAddress Address(uint32_t index) const;

  struct Buffer {
    uint64_t address;
    uint32_t size;
    bool writable;
  };
  // Put a chain into the table (or into an indirect one) and make it available. The head.
  uint16_t Add(const std::vector<Buffer>& buffers);
  uint16_t AddIndirect(const std::vector<Buffer>& buffers);

  struct Used {
    uint16_t head;
    uint32_t written;
    friend bool operator==(const Used&, const Used&) = default;
  };
  // The next chain that the device has given back; its descriptors are free again. With event
  // index, asks to be interrupted for the next one.
  std::optional<Used> TakeUsed();
  // Whether the device wants a kick for what was made available since the last call.
  bool NeedsKick();

  // Raw access.
  uint16_t Allocate();  // a descriptor
  void Write(uint16_t index, uint64_t address, uint32_t length, uint16_t flags, uint16_t next = 0);
  void Offer(uint16_t head);
  void SetAvailableIndex(uint16_t index);
  uint16_t available_index() const { return next_available_; }
  void SetNoInterrupt(bool no_interrupt);
  void SetUsedEvent(uint16_t index);
  uint16_t AvailableEvent() const;
  // Both rings begin at this index, as after 64 Ki requests. Before the device starts.
  void BeginAt(uint16_t index);

 private:
  vhost::Descriptor DescriptorOf(const Buffer& buffer, bool last, uint16_t next) const;
  std::byte* available(std::size_t offset) const;
  std::byte* used(std::size_t offset) const;

  GuestRam& ram_;
  const uint16_t size_;
  const bool event_index_;
  const uint64_t table_;
  const uint64_t available_;
  const uint64_t used_;
  std::vector<uint16_t> free_;
  std::map<uint16_t, std::vector<uint16_t>> chains_;  // by head
  uint16_t next_available_ = 0;
  uint16_t kicked_at_ = 0;
  uint16_t next_used_ = 0;
};

}  // namespace vgpu::test
