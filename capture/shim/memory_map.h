// Which mapping of this process an address lies in, and how that names a place in a heap.
//
// A heap is what a writable mapping of 16 MiB or more shows: guest memory, or a pool that guest and
// host share. Smaller mappings are private to whoever made them and stay unplaced. Reading
// /proc/self/maps is slow, so it is done when an address is in no known mapping, within a budget.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vgpu::shim {

inline constexpr uint64_t kSmallestHeap = 16u << 20;
// Heap 0: where nothing is known, a made-up address space that only grows.
inline constexpr uint32_t kUnplacedHeap = 0;

struct HeapInfo {
  uint32_t id = kUnplacedHeap;
  std::string name = "unplaced";
  uint64_t size = 0;
  bool shared = false;
  bool announced = false;  // for the user of the map: whether its record was made
};

// One line of /proc/self/maps.
struct MapLine {
  uint64_t begin = 0, end = 0;
  uint64_t offset = 0;  // in the file
  uint64_t device = 0, inode = 0;
  bool writable = false;
  bool shared = false;
  std::string_view path;
};

// False where `line` is not of that form.
bool ParseMapLine(std::string_view line, MapLine& out);

class MemoryMap {
 public:
  struct Place {
    uint32_t heap;
    uint64_t offset;
  };

  explicit MemoryMap(const char* path = "/proc/self/maps") : path_(path) {}

  // Where `size` bytes at `address` lie: all of them in one heap, or made-up in the unplaced one.
  Place Find(const void* address, uint64_t size, uint64_t now_ns);
  HeapInfo& heap(uint32_t id) { return heaps_[id]; }

 private:
  struct Mapping {
    uint64_t begin, end;
    uint64_t offset;  // of `begin` in the heap
    uint32_t heap;
  };
  struct HeapKey {
    uint64_t device, inode;  // inode 0: anonymous, known by its address
    uint64_t base;           // of an anonymous one
  };

  const Mapping* Lookup(uint64_t begin, uint64_t end) const;
  bool MayRead(uint64_t now_ns) const;
  void Read(uint64_t now_ns);
  void Add(const MapLine& line);
  uint32_t HeapOf(const MapLine& line, uint64_t& offset);
  Place Unplaced(uint64_t size);

  const char* path_;
  std::vector<Mapping> mappings_;  // of 16 MiB or more, in order of address
  std::vector<HeapInfo> heaps_ = {HeapInfo()};
  std::vector<HeapKey> keys_ = {HeapKey()};  // by heap id
  std::array<char, 16384> buffer_;
  uint64_t unplaced_end_ = 0;
  uint64_t first_ns_ = 0;    // of the first Find
  uint64_t reading_ns_ = 0;  // spent on reading so far
  uint64_t last_read_ns_ = 0;
  uint64_t pause_ns_ = 0;  // to the next read; grows while reads find nothing new
};

}  // namespace vgpu::shim
