#include "tests/support/vhost_user_driver.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "capture/vhost_user/shared_memory.h"

namespace vgpu::test {

using vhost::Descriptor;
using vhost::LoadField;
using vhost::StoreField;

namespace {

constexpr std::size_t kIndexOffset = 2;
constexpr std::size_t kEntries = 4;
constexpr std::size_t kUsedBytes = 8;

}  // namespace

GuestRam::GuestRam(uint64_t size) : fd_(memfd_create("guest", MFD_CLOEXEC)) {
  if (ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) std::abort();
  void* place = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (place == MAP_FAILED) std::abort();
  bytes_ = {static_cast<std::byte*>(place), size};
}

GuestRam::~GuestRam() { munmap(bytes_.data(), bytes_.size()); }

uint64_t GuestRam::Allocate(uint64_t size, uint64_t alignment) {
  const uint64_t place = (next_ + alignment - 1) / alignment * alignment;
  next_ = place + size;
  if (next_ > kGuestBase + bytes_.size()) std::abort();
  return place;
}

void GuestRam::Write(uint64_t guest_address, Bytes bytes) {
  std::ranges::copy(bytes, At(guest_address));
}

std::string_view GuestRam::TextAt(uint64_t guest_address, std::size_t size) {
  return {reinterpret_cast<const char*>(At(guest_address)), size};
}

DriverQueue::DriverQueue(GuestRam& ram, uint16_t size, bool event_index)
    : ram_(ram),
      size_(size),
      event_index_(event_index),
      table_(ram.Allocate(size * sizeof(Descriptor))),
      available_(ram.Allocate(kEntries + 2 * size + 2)),
      used_(ram.Allocate(kEntries + kUsedBytes * size + 2)) {
  for (uint16_t i = size; i > 0; --i) free_.push_back(static_cast<uint16_t>(i - 1));
}

vhost::VringAddress DriverQueue::Address(uint32_t index) const {
  const auto user = [](uint64_t guest) { return guest - kGuestBase + kUserBase; };
  return {index, 0, user(table_), user(used_), user(available_), 0};
}

std::byte* DriverQueue::available(std::size_t offset) const { return ram_.At(available_ + offset); }
std::byte* DriverQueue::used(std::size_t offset) const { return ram_.At(used_ + offset); }

uint16_t DriverQueue::Allocate() {
  if (free_.empty()) std::abort();
  const uint16_t index = free_.back();
  free_.pop_back();
  return index;
}

void DriverQueue::Write(uint16_t index, uint64_t address, uint32_t length, uint16_t flags,
                        uint16_t next) {
  const Descriptor descriptor = {address, length, flags, next};
  std::memcpy(ram_.At(table_) + index * sizeof(descriptor), &descriptor, sizeof(descriptor));
}

Descriptor DriverQueue::DescriptorOf(const Buffer& buffer, bool last, uint16_t next) const {
  const auto flags = static_cast<uint16_t>((buffer.writable ? vhost::kDescriptorWrite : 0) |
                                           (last ? 0 : vhost::kDescriptorNext));
  return {buffer.address, buffer.size, flags, next};
}

uint16_t DriverQueue::Add(const std::vector<Buffer>& buffers) {
  std::vector<uint16_t> chain;
  for (std::size_t i = 0; i < buffers.size(); ++i) chain.push_back(Allocate());
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    const bool last = i + 1 == buffers.size();
    const Descriptor made = DescriptorOf(buffers[i], last, last ? uint16_t{0} : chain[i + 1]);
    Write(chain[i], made.address, made.length, made.flags, made.next);
  }
  const uint16_t head = chain.front();
  chains_[head] = std::move(chain);
  Offer(head);
  return head;
}

uint16_t DriverQueue::AddIndirect(const std::vector<Buffer>& buffers) {
  std::vector<Descriptor> table;
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    table.push_back(
        DescriptorOf(buffers[i], i + 1 == buffers.size(), static_cast<uint16_t>(i + 1)));
  }
  const Bytes bytes = std::as_bytes(std::span(table));
  const uint64_t place = ram_.Allocate(bytes.size());
  ram_.Write(place, bytes);
  const uint16_t head = Allocate();
  Write(head, place, static_cast<uint32_t>(bytes.size()), vhost::kDescriptorIndirect);
  chains_[head] = {head};
  Offer(head);
  return head;
}

void DriverQueue::Offer(uint16_t head) {
  StoreField(available(kEntries + 2 * (next_available_ % size_)), head);
  SetAvailableIndex(static_cast<uint16_t>(next_available_ + 1));
}

void DriverQueue::SetAvailableIndex(uint16_t index) {
  next_available_ = index;
  StoreField(available(kIndexOffset), index);
}

void DriverQueue::SetNoInterrupt(bool no_interrupt) { StoreField(available(0), no_interrupt); }

void DriverQueue::SetUsedEvent(uint16_t index) {
  StoreField(available(kEntries + 2 * size_), index);
}

uint16_t DriverQueue::AvailableEvent() const {
  return LoadField(used(kEntries + kUsedBytes * size_));
}

void DriverQueue::BeginAt(uint16_t index) {
  SetAvailableIndex(index);
  StoreField(used(kIndexOffset), index);
  kicked_at_ = next_used_ = index;
  SetUsedEvent(index);
}

bool DriverQueue::NeedsKick() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const uint16_t before = std::exchange(kicked_at_, next_available_);
  if (!event_index_) return (LoadField(used(0)) & 1) == 0;
  return static_cast<uint16_t>(next_available_ - AvailableEvent() - 1) <
         static_cast<uint16_t>(next_available_ - before);
}

std::optional<DriverQueue::Used> DriverQueue::TakeUsed() {
  if (LoadField(used(kIndexOffset)) == next_used_) return std::nullopt;
  le32 element[2];
  std::memcpy(element, used(kEntries + kUsedBytes * (next_used_ % size_)), sizeof(element));
  ++next_used_;
  if (event_index_) SetUsedEvent(next_used_);
  const auto head = static_cast<uint16_t>(element[0]);
  std::vector<uint16_t>& chain = chains_[head];
  free_.insert(free_.end(), chain.rbegin(), chain.rend());
  chains_.erase(head);
  return Used{head, element[1]};
}

}  // namespace vgpu::test
