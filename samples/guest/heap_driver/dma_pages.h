// Pages of the guest's ordinary memory whose guest-physical addresses are known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

inline constexpr uint64_t kPageSize = 4096;

// Locked, zeroed, and there as long as the process lives. Neighbours in the process are none in
// guest-physical memory.
class DmaPages {
 public:
  // Ends the program with a sentence where it may not know addresses: it needs root.
  explicit DmaPages(std::size_t count);

  std::byte* bytes(std::size_t page) const { return bytes_ + page * kPageSize; }
  uint64_t address(std::size_t page) const { return addresses_[page]; }

 private:
  std::byte* bytes_ = nullptr;
  std::vector<uint64_t> addresses_;
};
