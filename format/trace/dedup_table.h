// Remembers which content is stored, in constant memory: digest to blob id.
//
// Set-associative, as a processor's cache: a digest picks a set, a set forgets the entry that was
// used longest ago. Forgotten content is stored again, which costs bytes and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "format/protocol/content_hash.h"

namespace vgpu {

class DedupTable {
 public:
  // 256 Ki entries of 24 bytes: 6 MiB, enough for the distinct buffers of minutes.
  static constexpr size_t kDefaultEntries = size_t{1} << 18;

  // `entries` is rounded up to a power of two, at least kWays.
  explicit DedupTable(size_t entries = kDefaultEntries);

  std::optional<uint64_t> Find(const Digest& digest);
  void Insert(const Digest& digest, uint64_t id);

 private:
  static constexpr size_t kWays = 8;

  struct Entry {
    Digest digest{};
    uint64_t id = kEmpty;
  };
  static constexpr uint64_t kEmpty = UINT64_MAX;

  // The set's entries, most recently used first.
  Entry* SetOf(const Digest& digest);

  size_t size_;
  std::vector<Entry> entries_;  // size_ of them, once there is something to remember
};

}  // namespace vgpu
