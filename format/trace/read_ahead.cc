#include "format/trace/read_ahead.h"

#include <string>
#include <system_error>

#include "format/trace/chunk_table.h"

namespace vgpu {

namespace {

constexpr uint64_t kWorthAThread = 64u << 10;  // unpacked bytes

}  // namespace

Result<Payload> UnpackChunk(const InputFile& file, const ChunkEntry& entry,
                            PayloadDecoder& decoder) {
  auto wrong = [](std::string problem) {
    return MakeError(ErrorCode::kUnreadable, std::move(problem));
  };
  auto check = ReadHead(file, entry.offset);
  if (!check) return tl::unexpected(check.error());
  const ChunkHead& head = check->head;
  if (check->state == HeadCheck::State::kWrong) return wrong(check->problem);
  if (check->state == HeadCheck::State::kCut) return wrong("passes the end of the file");
  if (head.size != entry.size || head.raw_size != entry.raw_size ||
      head.range.SerializeAsString() != entry.range.SerializeAsString()) {
    return wrong("is not the chunk that the index lists");
  }
  auto stored = ReadStored(file, entry.offset, head);
  if (!stored) return tl::unexpected(stored.error());
  auto raw = decoder.Decode(head, std::move(*stored));
  if (!raw) return tl::unexpected(raw.error());
  return Payload::Make(std::move(*raw), entry.range);
}

void ReadAhead::Start(size_t chunk, const ChunkEntry& entry) {
  Drop();
  if (entry.raw_size < kWorthAThread) return;
  chunk_ = chunk;
  try {
    pending_ = std::async(std::launch::async,
                          [this, entry] { return UnpackChunk(file_, entry, decoder_); });
  } catch (const std::system_error&) {
    // No thread: the chunk is unpacked when it is wanted.
  }
}

std::optional<Result<Payload>> ReadAhead::Take(size_t chunk) {
  if (!pending_.valid() || chunk_ != chunk) return std::nullopt;
  return pending_.get();
}

void ReadAhead::Drop() {
  if (pending_.valid()) pending_.wait();
  pending_ = {};
}

}  // namespace vgpu
