// The host-visible window: a range of the guest's addresses into which memory of the host is mapped
// while it runs, at offsets that the guest picks. This is the account of it; whoever keeps it maps.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>

#include "heap/error.h"

namespace vgpu {

// What happened to a window.
struct WindowCounts {
  uint64_t mappings = 0;
  uint64_t unmappings = 0;
  uint64_t ns = 0;  // that whoever maps took for all of them
};

// One thread.
class HostVisibleWindow {
 public:
  // What is mapped begins at a multiple of it.
  static constexpr uint64_t kPage = 4096;

  // `size` in bytes; 0 has room for nothing. None: somebody else looks after the window, and knows
  // what lies where: ranges may be anywhere and overlap, but begin at a page and do not wrap.
  explicit HostVisibleWindow(std::optional<uint64_t> size = std::nullopt) : size_(size) {}

  std::optional<uint64_t> size() const { return size_; }
  // What is mapped stays so.
  void SetSize(std::optional<uint64_t> size) { size_ = size; }

  // Why [offset, offset + size) cannot be mapped for `id`: kInvalid (no bytes, not at a page,
  // an end that wraps), kOutOfRange (not inside), kExists (the id is mapped, or something is
  // there).
  HeapResult<void> Check(uint32_t id, uint64_t offset, uint64_t size) const;
  // Takes down that it is mapped, where Check has nothing against it.
  HeapResult<void> Map(uint32_t id, uint64_t offset, uint64_t size);
  // kUnknown where the id is not mapped.
  HeapResult<void> Unmap(uint32_t id);

  bool Has(uint32_t id) const { return offsets_.contains(id); }
  const WindowCounts& counts() const { return counts_; }
  void AddTime(uint64_t ns) { counts_.ns += ns; }
  // The same: from `begin` until now.
  using Clock = std::chrono::steady_clock;
  void AddTimeSince(Clock::time_point begin) {
    AddTime(static_cast<uint64_t>(std::chrono::nanoseconds(Clock::now() - begin).count()));
  }

 private:
  struct Mapped {
    uint64_t size = 0;
    uint32_t id = 0;
  };
  using ByOffset = std::multimap<uint64_t, Mapped>;  // equal ones where nobody looks after it here

  HeapResult<void> CheckRoom(uint64_t offset, uint64_t size) const;

  std::optional<uint64_t> size_;
  ByOffset mapped_;
  std::unordered_map<uint32_t, ByOffset::iterator> offsets_;  // of each id
  WindowCounts counts_;
};

}  // namespace vgpu
