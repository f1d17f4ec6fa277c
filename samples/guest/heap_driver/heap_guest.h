// The guest's driver of a device with a dedicated heap: resources whose backings are ranges of the
// pool, drawn and read where they lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "gpu.h"
#include "vram.h"

// A resource of 32-bit words: a picture of so many columns and rows, or a buffer of one row.
struct Resource {
  uint32_t id = 0;
  uint32_t columns = 0, rows = 0;
  bool is_buffer = false;
  Range place = {};  // in the pool

  uint64_t bytes() const { return uint64_t{4} * columns * rows; }
};

// A command that fails, and a pool that is full where it must not be, end the program with a
// sentence. One thread.
class HeapGuest {
 public:
  // Finds the device and the pool, and says what it found.
  HeapGuest();
  ~HeapGuest();
  HeapGuest(const HeapGuest&) = delete;
  HeapGuest& operator=(const HeapGuest&) = delete;

  Gpu& gpu() { return gpu_; }
  // Does the device know of the heap? Then it clears what was another resource's.
  bool is_described() const { return is_described_; }
  uint64_t pool_size() const { return pool_.size(); }
  // Guest-physical.
  uint64_t AddressOf(uint64_t offset) const { return base_ + offset; }
  uint32_t NewId() { return ++last_id_; }

  // A range of the pool alone, which goes with `Free`.
  Range Allocate(uint64_t size, Placement placement);
  std::optional<Range> TryAllocate(uint64_t size, Placement placement);
  void Free(Range range) { vram_.Free(range); }

  Resource MakePicture(uint32_t format, uint32_t columns, uint32_t rows, Placement placement);
  // What a context draws into.
  Resource MakeTarget(uint32_t columns, uint32_t rows);
  // None where the pool has no room. A buffer needs VIRGL.
  std::optional<Resource> TryMake(bool is_buffer, uint32_t columns, uint32_t rows);
  void Free(const Resource& resource);
  // Its backing goes to another range of the pool, which is cleared; the old one is free.
  void Move(Resource* resource);

  std::span<uint32_t> WordsOf(const Resource& resource) const;
  // Writes a pattern that tells seeds and places apart into the resource's range.
  void Draw(const Resource& resource, uint32_t seed) const;
  // How many words of the range are not that pattern's.
  uint64_t CountWrong(const Resource& resource, uint32_t seed) const;
  void Clear(const Resource& resource) const;
  bool IsClear(const Resource& resource) const;

  void Upload(const Resource& resource);
  // Needs VIRGL.
  void ReadBack(const Resource& resource);
  void Show(const Resource& picture);
  // `resources` are what is shown now, and stay; those of the call before are freed.
  void Keep(std::vector<Resource> resources);
  void ShowNothing();

 private:
  void CheckDescriptor();
  void Place(const Resource& resource);

  Gpu gpu_;
  std::span<std::byte> pool_;
  uint64_t base_ = 0;  // the pool's guest-physical address
  bool is_described_ = false;
  Vram vram_;
  uint32_t last_id_ = 0;
  std::vector<Resource> kept_;
};
