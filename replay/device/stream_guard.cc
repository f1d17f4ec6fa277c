#include "replay/device/stream_guard.h"

#include <cstddef>
#include <limits>
#include <optional>

#include "format/protocol/virgl.h"
#include "replay/device/announced.h"

namespace vgpu {

namespace {

enum VirglOpcode : uint32_t {
#define VGPU_VIRGL_COMMAND(NAME, value, min_length, fields) k_##NAME = value,
#include "format/protocol/virgl.def"
};

// A NOP of 65535 dwords as the last one of a stream.
constexpr uint32_t kCutHeader = 0xffff0000 | k_NOP;

// The library counts layers in int: a negative first one, or a number of them that is negative
// there, passes its check.
bool HasBadLayers(std::span<const uint32_t> words) {
  constexpr uint32_t kLargest = std::numeric_limits<int32_t>::max();
  return words[7] > kLargest || words[10] > kLargest;
}

using PieceSize = std::function<std::size_t(uint32_t resource_id)>;

bool IsBad(const VirglCommand& command, const PieceSize& first_piece) {
  switch (command.info->value) {
    case k_RESOURCE_INLINE_WRITE:
    case k_TRANSFER3D:
    case k_COPY_TRANSFER3D:
      return HasBadLayers(command.words);
    case k_GET_MEMORY_INFO:
      return first_piece(command.words[0]) < kMemoryInfoBytes;
    default:
      return false;
  }
}

}  // namespace

GuardedStream GuardStream(std::span<uint32_t> stream, const StreamDevice& device) {
  GuardedStream guarded{.dwords = stream, .refused = false, .announced = {}};
  std::size_t good_end = 0;
  bool bad = false;
  bool full = false;
  const Status walked = WalkVirgl(stream, [&](const VirglCommand& command) {
    bad = bad || (!full && IsBad(command, device.first_piece));
    if (bad || full) return;
    const uint32_t opcode = command.info->value;
    if (opcode == k_CREATE_SUB_CTX || opcode == k_DESTROY_SUB_CTX) {
      full = !device.on_sub_context(opcode == k_CREATE_SUB_CTX, command.words[0]);
      if (full) return;
    }
    if (opcode == k_PIPE_RESOURCE_CREATE) {
      const auto announced = AnnouncedBy(command.words);
      full = !device.on_announced(announced.second);
      if (full) return;
      guarded.announced.push_back(announced);
    }
    good_end = command.offset + 1 + command.words.size();
  });
  if (full) {
    guarded.dwords = stream.first(good_end);
    return guarded;
  }
  if (walked && !bad) return guarded;

  const uint32_t header = stream[good_end];
  guarded.dwords = stream.first(good_end + 1);
  if (FindVirglCommand(header & 0xff) == nullptr) return guarded;
  // For what passes the end the library itself answers that all is well.
  guarded.refused = bad || (header >> 16) <= stream.size() - good_end - 1;
  stream[good_end] = kCutHeader;
  return guarded;
}

}  // namespace vgpu
