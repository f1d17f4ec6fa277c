#include "replay/player/pending_memory.h"

#include <fmt/format.h>

#include "format/protocol/limits.h"

namespace vgpu {

namespace {

// a * b + c, or false where it passes 64 bits.
bool MultiplyAdd(uint64_t a, uint64_t b, uint64_t c, uint64_t& out) {
  return !__builtin_mul_overflow(a, b, &out) && !__builtin_add_overflow(out, c, &out);
}

tl::unexpected<Error> WrongSize(const MemoryUpdate& update, const std::string& size) {
  return MakeError(ErrorCode::kUnreadable,
                   fmt::format("{} bytes are recorded for a box of {} bytes of resource {}", size,
                               update.box.TotalBytes(), update.resource_id));
}

}  // namespace

Result<ByteBox> BoxOf(const proto::ByteBox& box) {
  ByteBox out;
  out.offset = box.offset();
  out.row_bytes = box.row_bytes();
  out.rows = box.rows() == 0 ? 1 : box.rows();
  out.row_stride = box.row_stride();
  out.layers = box.layers() == 0 ? 1 : box.layers();
  out.layer_stride = box.layer_stride();
  uint64_t total = 0, end = 0;
  const bool fits = MultiplyAdd(out.row_bytes, out.rows, 0, total) &&
                    MultiplyAdd(total, out.layers, 0, total) &&
                    MultiplyAdd(out.layers - 1, out.layer_stride, out.offset, end) &&
                    MultiplyAdd(out.rows - 1, out.row_stride, end, end) &&
                    MultiplyAdd(out.row_bytes, 1, end, end);
  if (!fits) {
    return MakeError(
        ErrorCode::kUnreadable,
        fmt::format("a box of {} layers of {} rows of {} bytes at offset {} passes 64 bits",
                    out.layers, out.rows, out.row_bytes, out.offset));
  }
  return out;
}

Status PendingMemory::Add(const proto::Memory& memory) {
  const auto box = BoxOf(memory.box());
  if (!box) return tl::unexpected(box.error());
  if (count_ == waiting_.size()) waiting_.emplace_back();
  Waiting& waiting = waiting_[count_++];
  waiting.update.resource_id = memory.resource_id();
  waiting.update.transient = memory.transient();
  waiting.update.box = *box;
  waiting.blobs = memory.blob();
  return {};
}

std::span<const MemoryUpdate> PendingMemory::Take(TraceSource& reader,
                                                  std::vector<std::string>& errors) {
  const std::span<Waiting> waiting(waiting_.data(), count_);
  count_ = 0;
  updates_.clear();
  // One blob for one update needs no copy, which is what most commands have.
  if (waiting.size() == 1 && waiting[0].blobs.size() == 1) {
    const auto blob = reader.Blob(waiting[0].blobs[0]);
    Append(waiting[0], blob ? Result<Bytes>(*blob) : tl::unexpected(blob.error()), errors);
    return updates_;
  }
  bytes_.clear();
  ends_.clear();
  for (const Waiting& one : waiting) {
    const size_t begin = bytes_.size();
    const Status status = GoesInPieces(one, reader) ? Status() : Gather(one, reader);
    if (!status) {
      errors.push_back(status.error().message);
      bytes_.resize(begin);
    }
    ends_.push_back(bytes_.size());
  }
  // Only now does the buffer stay where it is.
  for (size_t i = 0; i < waiting.size(); ++i) {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    if (GoesInPieces(waiting[i], reader)) {
      AppendPieces(waiting[i], reader, errors);
      continue;
    }
    if (waiting[i].update.transient && waiting[i].blobs.empty()) {
      updates_.push_back(waiting[i].update);  // room for what the command will write
      continue;
    }
    if (ends_[i] == begin) continue;
    Append(waiting[i], Bytes(bytes_).subspan(begin, ends_[i] - begin), errors);
  }
  return updates_;
}

bool PendingMemory::GoesInPieces(const Waiting& waiting, TraceSource& reader) {
  return waiting.update.box.IsContiguous() && reader.BlobsStay() && !waiting.update.transient &&
         !waiting.blobs.empty();
}

void PendingMemory::AppendPieces(const Waiting& waiting, TraceSource& reader,
                                 std::vector<std::string>& errors) {
  const uint64_t wanted = waiting.update.box.TotalBytes();
  const size_t before = updates_.size();
  uint64_t size = 0;
  Status status;
  for (const uint64_t id : waiting.blobs) {
    const auto blob = reader.Blob(id);
    if (!blob) {
      status = tl::unexpected(blob.error());
    } else if (blob->size() > wanted - size) {
      status = WrongSize(waiting.update, fmt::format("{} or more", size + blob->size()));
    }
    if (!status) break;
    MemoryUpdate piece = waiting.update;
    piece.box = ByteBox{.offset = waiting.update.box.offset + size, .row_bytes = blob->size()};
    piece.bytes = *blob;
    if (!blob->empty()) updates_.push_back(piece);
    size += blob->size();
  }
  if (status && size != wanted) status = WrongSize(waiting.update, std::to_string(size));
  if (status) return;
  updates_.resize(before);
  errors.push_back(status.error().message);
}

Status PendingMemory::Gather(const Waiting& waiting, TraceSource& reader) {
  const size_t begin = bytes_.size();
  const uint64_t wanted = waiting.update.box.TotalBytes();
  for (const uint64_t id : waiting.blobs) {
    const auto blob = reader.Blob(id);
    if (!blob) return tl::unexpected(blob.error());
    const uint64_t size = bytes_.size() - begin + blob->size();
    if (size > wanted) return WrongSize(waiting.update, fmt::format("{} or more", size));
    if (begin + size > limits::kMaxContentBytes) {
      return MakeError(ErrorCode::kUnreadable,
                       fmt::format("the memory of one command passes the limit of {} bytes",
                                   limits::kMaxContentBytes));
    }
    bytes_.insert(bytes_.end(), blob->begin(), blob->end());
  }
  return {};
}

void PendingMemory::Append(const Waiting& waiting, const Result<Bytes>& bytes,
                           std::vector<std::string>& errors) {
  if (!bytes) {
    errors.push_back(bytes.error().message);
    return;
  }
  if (bytes->size() != waiting.update.box.TotalBytes()) {
    const auto wrong = WrongSize(waiting.update, std::to_string(bytes->size()));
    errors.push_back(wrong.value().message);
    return;
  }
  updates_.push_back(waiting.update);
  updates_.back().bytes = *bytes;
}

}  // namespace vgpu
