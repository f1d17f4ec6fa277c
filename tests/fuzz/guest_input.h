// What a hostile guest asks for, made out of the bytes of a fuzzer: requests whose fields are most
// of the time what a driver could mean by them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "format/protocol/virtio_gpu.h"

namespace vgpu::fuzz {

// Where requests have the memory that they name: `pages` pages of guest memory from `address` on.
struct GuestPages {
  uint64_t address = 0;
  uint32_t pages = 1;
};

class GuestInput {
 public:
  GuestInput(const uint8_t* data, std::size_t size, GuestPages pages)
      : rest_(data, size), pages_(pages) {}

  bool empty() const { return rest_.empty(); }
  // 0 where nothing is left.
  uint8_t Byte();
  // Small, a power of two, near the largest, or anything.
  uint64_t Number();
  // Inside the pages mostly.
  uint64_t Address();
  // As many bytes as the next two say, and there are.
  std::vector<std::byte> ByteString();
  // One command with what follows its struct, a few bytes of it changed some of the time.
  std::vector<std::byte> Request(const CommandInfo& info);

 private:
  template <typename Struct>
  std::vector<std::byte> Made(CommandType type);
  template <typename Struct>
  void Fill(Struct& made);
  uint64_t Field(int kind);
  void AppendEntries(std::vector<std::byte>& request, std::size_t count_at);
  void AppendStream(std::vector<std::byte>& request);
  std::vector<uint32_t> VirglWords();
  void Change(std::vector<std::byte>& request);

  std::span<const uint8_t> rest_;
  const GuestPages pages_;
};

// Cuts what a request may have the renderer do for minutes, as the work of a guest may take any
// time: vertices and instances of draws, the size of compute grids.
void LimitWork(std::vector<std::byte>& request);

}  // namespace vgpu::fuzz
