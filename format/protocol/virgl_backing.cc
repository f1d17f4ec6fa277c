// Which backings a virgl stream reads and writes. Runs in a VMM's process for every submit.

#include "format/protocol/virgl.h"

namespace vgpu {

namespace {

enum VirglOpcode : uint32_t {
#define VGPU_VIRGL_COMMAND(NAME, value, min_length, fields) k_##NAME = value,
#include "format/protocol/virgl.def"
};

constexpr uint32_t kDirectionToHost = 1;
constexpr uint32_t kDirectionFromHost = 2;
constexpr uint32_t kCopyReadFromHost = 1u << 1;
constexpr uint64_t kResourceLayoutBytes = 80;  // struct virgl_resource_layout

using Words = std::span<const uint32_t>;
using ShapeLookup = std::function<const ResourceShape*(uint32_t)>;

// The dwords that all transfers begin with; `offset` is into whichever backing the command names.
Transfer TransferIn(Words words, uint32_t offset) {
  return {.x = static_cast<int32_t>(words[5]),
          .y = static_cast<int32_t>(words[6]),
          .z = static_cast<int32_t>(words[7]),
          .w = words[8],
          .h = words[9],
          .d = words[10],
          .level = words[1],
          .stride = words[3],
          .layer_stride = words[4],
          .offset = offset};
}

class BackingCollector {
 public:
  explicit BackingCollector(const ShapeLookup& shape) : shape_(shape) {}

  // The walker has seen that the command has its least length.
  void Visit(const VirglCommand& command) {
    const Words words = command.words;
    switch (command.info->value) {
      case k_TRANSFER3D:
        return Transfer3d(words, command.offset);
      case k_COPY_TRANSFER3D:
        return CopyTransfer3d(words, command.offset);
      case k_GET_MEMORY_INFO:
        return Unstable(words[0], kMemoryInfoBytes, command.offset);
      case k_GET_PIPE_RESOURCE_LAYOUT:
        return Unstable(words[0], kResourceLayoutBytes, command.offset);
      default:
        return;
    }
  }

  std::vector<BackingAccess> Take() { return std::move(accesses_); }

 private:
  void Transfer3d(Words words, uint32_t at) {
    const uint32_t direction = words[12];
    if (direction != kDirectionToHost && direction != kDirectionFromHost) return;
    const ResourceShape* shape = shape_(words[0]);
    if (shape == nullptr) return;
    Add(words[0], *shape, TransferIn(words, words[11]), direction == kDirectionFromHost, at);
  }

  // The box is the first resource's; the bytes are in the other one's backing.
  void CopyTransfer3d(Words words, uint32_t at) {
    if (shape_(words[11]) == nullptr) return;
    const ResourceShape* shape = shape_(words[0]);
    if (shape == nullptr) return;
    const bool writes = (words[13] & kCopyReadFromHost) != 0;
    Add(words[11], *shape, TransferIn(words, words[12]), writes, at);
  }

  void Unstable(uint32_t resource_id, uint64_t bytes, uint32_t at) {
    const ResourceShape* shape = shape_(resource_id);
    if (shape == nullptr || !shape->IsBuffer() || shape->width < bytes) return;
    const ByteBox box{.row_bytes = bytes, .row_stride = bytes, .layer_stride = bytes};
    accesses_.push_back({resource_id, box, true, true, at});
  }

  void Add(uint32_t resource_id, const ResourceShape& shape, const Transfer& transfer, bool writes,
           uint32_t at) {
    const Result<ByteBox> box = LayoutOf(shape, transfer, !writes);
    if (box) accesses_.push_back({resource_id, *box, writes, false, at});
  }

  const ShapeLookup& shape_;
  std::vector<BackingAccess> accesses_;
};

}  // namespace

std::vector<BackingAccess> BackingAccessesOf(std::span<const uint32_t> stream,
                                             const ShapeLookup& shape) {
  BackingCollector collector(shape);
  (void)WalkVirgl(stream, [&](const VirglCommand& command) { collector.Visit(command); });
  return collector.Take();
}

}  // namespace vgpu
