#include "format/trace/trace_source.h"

#include <fmt/format.h>

namespace vgpu {

Status TraceSource::AppendBlobs(const google::protobuf::RepeatedField<uint64_t>& ids,
                                std::vector<std::byte>& out, uint64_t max_bytes) {
  uint64_t room = max_bytes;
  for (const uint64_t id : ids) {
    auto bytes = Blob(id);
    if (!bytes) return tl::unexpected(bytes.error());
    if (bytes->size() > room) {
      return MakeError(ErrorCode::kUnreadable,
                       fmt::format("{}: content of {} blobs passes the limit of {} bytes", name(),
                                   ids.size(), max_bytes));
    }
    room -= bytes->size();
    out.insert(out.end(), bytes->begin(), bytes->end());
  }
  return {};
}

}  // namespace vgpu
