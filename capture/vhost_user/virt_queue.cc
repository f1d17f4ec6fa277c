#include "capture/vhost_user/virt_queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <utility>

#include "capture/vhost_user/shared_memory.h"
#include "format/protocol/limits.h"

namespace vgpu::vhost {

namespace {

// Both rings: flags, index, entries, then the other side's event index.
constexpr std::size_t kRingHead = 4;
constexpr std::size_t kEventBytes = 2;
constexpr uint16_t kAvailableNoInterrupt = 1;
// A request's copy above this is given back before the next one.
constexpr std::size_t kKeptRequest = 4u << 20;

struct UsedElement {
  le32 head;
  le32 written;
};
static_assert(sizeof(UsedElement) == 8);

Result<std::span<std::byte>> FindRing(const MemoryTable& memory, const char* what, uint64_t address,
                                      uint64_t size, uint64_t alignment) {
  const auto found = memory.UserRange(address, size);
  if (!found) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("the {} of {} bytes at user address {:#x} is in no memory region",
                                 what, size, address));
  }
  if (reinterpret_cast<uintptr_t>(found->data()) % alignment != 0) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("the {} at user address {:#x} is not aligned to {} bytes", what,
                                 address, alignment));
  }
  return *found;
}

}  // namespace

Status VirtQueue::SetSize(uint32_t size) {
  if (!std::has_single_bit(size) || size > limits::kMaxQueueSize) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("a queue of {} descriptors is no power of two up to {}", size,
                                 limits::kMaxQueueSize));
  }
  size_ = static_cast<uint16_t>(size);
  in_flight_.clear();
  in_flight_count_ = 0;
  return {};
}

Status VirtQueue::Place(const MemoryTable& memory, const VringAddress& address, bool event_index) {
  const uint64_t tail = event_index ? kEventBytes : 0;
  const auto descriptors = FindRing(memory, "descriptor table", address.descriptors,
                                    size_ * sizeof(Descriptor), sizeof(Descriptor));
  if (!descriptors) return tl::unexpected(descriptors.error());
  const auto available =
      FindRing(memory, "available ring", address.available, kRingHead + 2 * size_ + tail, 2);
  if (!available) return tl::unexpected(available.error());
  const auto used = FindRing(memory, "used ring", address.used,
                             kRingHead + size_ * sizeof(UsedElement) + tail, 4);
  if (!used) return tl::unexpected(used.error());
  descriptors_ = *descriptors;
  available_ = *available;
  used_ = *used;
  event_index_ = event_index;
  return {};
}

void VirtQueue::Start(uint16_t base) {
  next_available_ = base;
  next_used_ = LoadField(used_.data() + 2);
  called_at_.reset();
  in_flight_.assign(size_, std::nullopt);
  in_flight_count_ = 0;
}

Result<std::optional<uint16_t>> VirtQueue::NextHead() {
  const uint16_t index = LoadField(available_index());
  const auto waiting = static_cast<uint16_t>(index - next_available_);
  if (waiting == 0) return std::optional<uint16_t>();
  if (waiting > size_) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("the available index is {}, {} after the last one taken, in a "
                                 "queue of {} descriptors",
                                 index, waiting, size_));
  }
  const uint16_t head = LoadField(available_.data() + kRingHead + 2 * (next_available_ % size_));
  if (head >= size_) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("the available ring names descriptor {} of {}", head, size_));
  }
  if (in_flight_[head]) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("the available ring names descriptor {} again before its request "
                                 "was answered",
                                 head));
  }
  return std::optional(head);
}

Bytes VirtQueue::Gather(const Chain& chain) {
  if (gathered_.capacity() > kKeptRequest) gathered_ = {};
  gathered_.resize(chain.readable_bytes);
  std::size_t copied = 0;
  for (const std::span<std::byte> part : chain.readable) {
    CopyShared(gathered_.data() + copied, part.data(), part.size());
    copied += part.size();
  }
  return gathered_;
}

Result<std::optional<VirtQueue::Request>> VirtQueue::Take(const MemoryTable& memory,
                                                          bool allow_indirect) {
  const auto head = NextHead();
  if (!head) return tl::unexpected(head.error());
  if (!*head) return std::optional<Request>();
  auto chain = ReadChain(memory, descriptors_, **head, allow_indirect);
  if (!chain) return tl::unexpected(chain.error());
  const Bytes bytes = Gather(*chain);
  const uint64_t serial = next_serial_++;
  in_flight_[**head] = InFlight{serial, std::move(chain->writable)};
  ++in_flight_count_;
  ++next_available_;
  return std::optional(Request{**head, serial, bytes, chain->writable_bytes});
}

Result<uint32_t> VirtQueue::Scatter(const MemoryTable& memory,
                                    const std::vector<GuestRange>& writable, Bytes response) {
  uint32_t written = 0;
  std::vector<std::span<std::byte>> places;
  for (const GuestRange& range : writable) {
    const auto part =
        static_cast<uint32_t>(std::min<std::size_t>(range.size, response.size() - written));
    places.clear();
    if (!memory.AppendGuestRange(range.address, part, places)) {
      return MakeError(ErrorCode::kFailed,
                       fmt::format("room for a response at {:#x} of {} bytes is no longer in guest "
                                   "memory",
                                   range.address, range.size));
    }
    for (const std::span<std::byte> place : places) {
      std::memcpy(place.data(), response.data() + written, place.size());
      written += static_cast<uint32_t>(place.size());
    }
  }
  return written;
}

void VirtQueue::PutUsed(uint16_t head, uint32_t written) {
  const UsedElement element = {head, written};
  std::byte* place = used_.data() + kRingHead + (next_used_ % size_) * sizeof(UsedElement);
  std::memcpy(place, &element, sizeof(element));
  StoreField(used_.data() + 2, ++next_used_);
}

Result<bool> VirtQueue::Finish(const MemoryTable& memory, uint16_t head, uint64_t serial,
                               Bytes response) {
  if (head >= in_flight_.size() || !in_flight_[head] || in_flight_[head]->serial != serial) {
    return false;
  }
  const auto written = Scatter(memory, in_flight_[head]->writable, response);
  in_flight_[head].reset();
  --in_flight_count_;
  if (!written) return tl::unexpected(written.error());
  PutUsed(head, *written);
  return true;
}

bool VirtQueue::ArmKick() {
  if (event_index_) {
    StoreField(used_.data() + kRingHead + size_ * sizeof(UsedElement), next_available_);
    // The driver stores its index and then looks at this field; we do the opposite.
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  return LoadField(available_index()) != next_available_;
}

bool VirtQueue::WantsCall() {
  // The used index must be out before the driver's wish is read.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const std::optional<uint16_t> before = std::exchange(called_at_, next_used_);
  if (!event_index_) return (LoadField(available_.data()) & kAvailableNoInterrupt) == 0;
  if (!before) return true;
  const uint16_t event = LoadField(available_.data() + kRingHead + 2 * size_);
  return static_cast<uint16_t>(next_used_ - event - 1) <
         static_cast<uint16_t>(next_used_ - *before);
}

}  // namespace vgpu::vhost
