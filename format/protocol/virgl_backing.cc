// Which backings a virgl stream reads and writes. Runs in a VMM's process for every submit.

#include <cstddef>

#include "format/protocol/virgl.h"

namespace vgpu {

namespace {

enum VirglOpcode : uint32_t {
#define VGPU_VIRGL_COMMAND(NAME, value, min_length, fields) k_##NAME = value,
#include "format/protocol/virgl.def"
};

enum VirglObject : uint32_t {
#define VGPU_VIRGL_OBJECT(NAME, value, min_length, fields) kObject_##NAME = value,
#include "format/protocol/virgl.def"
};

constexpr uint32_t kDirectionToHost = 1;
constexpr uint32_t kDirectionFromHost = 2;
constexpr uint32_t kCopyReadFromHost = 1u << 1;
constexpr uint64_t kQueryStateBytes = 16;  // struct virgl_host_query_state
constexpr uint64_t kMemoryInfoBytes = 24;  // struct virgl_memory_info

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
  BackingCollector(const ShapeLookup& shape, QueryResources* queries)
      : shape_(shape), queries_(queries) {}

  void Visit(uint32_t opcode, uint32_t object, Words words, uint32_t at) {
    switch (opcode) {
      case k_TRANSFER3D:
        if (words.size() >= 13) Transfer3d(words, at);
        break;
      case k_COPY_TRANSFER3D:
        if (words.size() >= 14) CopyTransfer3d(words, at);
        break;
      case k_CREATE_OBJECT:
        if (object == kObject_QUERY && words.size() >= 4) Queries()[words[0]] = words[3];
        break;
      case k_DESTROY_OBJECT:
        if (object == kObject_QUERY && !words.empty()) Queries().erase(words[0]);
        break;
      case k_GET_QUERY_RESULT:
        if (!words.empty()) QueryResult(words[0], at);
        break;
      case k_GET_MEMORY_INFO:
        if (!words.empty()) Unstable(words[0], kMemoryInfoBytes, at);
        break;
    }
  }

  std::vector<BackingAccess> Take() { return std::move(accesses_); }

 private:
  QueryResources& Queries() { return queries_ != nullptr ? *queries_ : own_queries_; }

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

  void QueryResult(uint32_t handle, uint32_t at) {
    const auto found = Queries().find(handle);
    if (found != Queries().end()) Unstable(found->second, kQueryStateBytes, at);
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
  QueryResources* queries_;
  QueryResources own_queries_;
  std::vector<BackingAccess> accesses_;
};

}  // namespace

std::vector<BackingAccess> BackingAccessesOf(std::span<const uint32_t> stream,
                                             const ShapeLookup& shape, QueryResources* queries) {
  BackingCollector collector(shape, queries);
  for (std::size_t at = 0; at < stream.size();) {
    const uint32_t header = stream[at];
    const uint32_t length = header >> 16;
    if (FindVirglCommand(header & 0xff) == nullptr || length > stream.size() - at - 1) break;
    collector.Visit(header & 0xff, (header >> 8) & 0xff, stream.subspan(at + 1, length),
                    static_cast<uint32_t>(at));
    at += 1 + length;
  }
  return collector.Take();
}

}  // namespace vgpu
