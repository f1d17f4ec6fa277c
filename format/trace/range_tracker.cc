#include "format/trace/range_tracker.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace vgpu {

namespace {

// The number that a packet carries, and the one that comes next with how many are in the chunk.
struct Numbered {
  const char* what;
  uint64_t number;
  uint64_t next;
  uint64_t in_chunk;
};

std::optional<Numbered> NumberOf(const proto::Packet& packet, const proto::Range& range) {
  switch (packet.body_case()) {
    case proto::Packet::kCommand:
      return Numbered{"command", packet.command().number(),
                      range.first_command() + range.commands(), range.commands()};
    case proto::Packet::kFrame:
      return Numbered{"frame", packet.frame().number(), range.first_frame() + range.frames(),
                      range.frames()};
    case proto::Packet::kBlob:
      return Numbered{"blob", packet.blob().id(), range.first_blob() + range.blobs(),
                      range.blobs()};
    default:
      return std::nullopt;
  }
}

}  // namespace

Status RangeTracker::Check(const proto::Packet& packet) const {
  const auto numbered = NumberOf(packet, range_);
  // The last number of all is kept free: a range ends one past its last.
  if (!numbered || (numbered->number >= numbered->next && numbered->number != UINT64_MAX)) {
    return {};
  }
  return MakeError(ErrorCode::kUsage,
                   fmt::format("{} {} comes where {} is the next number", numbered->what,
                               numbered->number, numbered->next));
}

bool RangeTracker::NeedsNewChunk(const proto::Packet& packet) const {
  const auto numbered = NumberOf(packet, range_);
  return numbered && numbered->in_chunk > 0 && numbered->number != numbered->next;
}

void RangeTracker::Add(const proto::Packet& packet) {
  switch (packet.body_case()) {
    case proto::Packet::kCommand:
      if (range_.commands() == 0) range_.set_first_command(packet.command().number());
      range_.set_commands(range_.commands() + 1);
      AddTime(packet.command().begin_ns(), packet.command().end_ns());
      break;
    case proto::Packet::kFrame:
      if (range_.frames() == 0) range_.set_first_frame(packet.frame().number());
      range_.set_frames(range_.frames() + 1);
      AddTime(packet.frame().time_ns(), packet.frame().time_ns());
      break;
    case proto::Packet::kBlob:
      if (range_.blobs() == 0) range_.set_first_blob(packet.blob().id());
      range_.set_blobs(range_.blobs() + 1);
      break;
    case proto::Packet::kFence:
      AddTime(packet.fence().time_ns(), packet.fence().time_ns());
      break;
    case proto::Packet::kMarker:
      AddTime(packet.marker().time_ns(), packet.marker().time_ns());
      break;
    case proto::Packet::kEnd:
      AddTime(packet.end().time_ns(), packet.end().time_ns());
      break;
    default:
      break;
  }
}

uint64_t RangeTracker::AddBlob() {
  const uint64_t id = next_blob();
  range_.set_blobs(range_.blobs() + 1);
  return id;
}

proto::Range RangeTracker::Finish() {
  proto::Range next;
  next.set_first_command(next_command());
  next.set_first_frame(next_frame());
  next.set_first_blob(next_blob());
  return std::exchange(range_, std::move(next));
}

void RangeTracker::AddTime(uint64_t begin_ns, uint64_t end_ns) {
  if (begin_ns != 0 && (range_.begin_ns() == 0 || begin_ns < range_.begin_ns())) {
    range_.set_begin_ns(begin_ns);
  }
  range_.set_end_ns(std::max({range_.end_ns(), begin_ns, end_ns}));
}

}  // namespace vgpu
