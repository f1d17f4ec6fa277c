#include "replay/inspect/dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace vgpu {

namespace {

class Dumper {
 public:
  Dumper(TraceReader& reader, const DumpFilter& filter, const PacketPrintOptions& options,
         const std::function<bool(const std::string&)>& write,
         const std::function<void(uint64_t)>& on_chunk)
      : reader_(reader), filter_(filter), options_(options), write_(write), on_chunk_(on_chunk) {}

  Status Run();

 private:
  Status Seek();
  // False: nothing that is wanted comes any more, or the reader of the lines has gone.
  bool OnPacket(const proto::Packet& packet);
  bool OnCommand(const proto::Packet& packet);
  bool WantsOther(const proto::Packet& packet) const;
  bool Print(const proto::Packet& packet);
  void OnChunk(uint64_t offset);
  void HoldMemory(const proto::Packet& packet);
  std::string LeftOutLine(uint64_t packets) const;

  TraceReader& reader_;
  const DumpFilter& filter_;
  const PacketPrintOptions& options_;
  const std::function<bool(const std::string&)>& write_;
  const std::function<void(uint64_t)>& on_chunk_;
  uint64_t chunk_ = UINT64_MAX;   // where the packet at hand came from
  uint64_t frame_ = 0;            // that commands now work towards
  bool in_wanted_ = false;        // the last command was wanted
  std::string lines_;             // of the packet at hand
  std::string memory_;            // of memory packets whose command is not known yet
  uint64_t memory_left_out_ = 0;  // such packets that memory_ had no room for
};

Status Dumper::Run() {
  if (const auto status = Seek(); !status) return status;
  while (true) {
    const auto packet = reader_.Next();
    if (!packet) return tl::unexpected(packet.error());
    if (*packet == nullptr) return {};
    if (reader_.chunk_offset() != chunk_) OnChunk(reader_.chunk_offset());
    if (!OnPacket(**packet)) return {};
  }
}

// To the chunk where the wanted range begins: what works towards a frame begins behind the frame
// before it.
Status Dumper::Seek() {
  if (filter_.first_frame == 0) {
    return filter_.first_command == 0 ? Status{} : reader_.SeekToCommand(filter_.first_command);
  }
  const auto& chunks = reader_.chunks();
  const auto holder =
      std::partition_point(chunks.begin(), chunks.end(), [&](const ChunkEntry& chunk) {
        return chunk.range.first_frame() + chunk.range.frames() < filter_.first_frame;
      });
  if (holder == chunks.end()) return reader_.SeekToChunk(chunks.size());
  if (holder->range.first_command() < filter_.first_command) {
    return reader_.SeekToCommand(filter_.first_command);
  }
  return reader_.SeekToChunk(static_cast<size_t>(holder - chunks.begin()));
}

// What a chunk's range says of frames holds also where chunks before it are lost.
void Dumper::OnChunk(uint64_t offset) {
  chunk_ = offset;
  if (on_chunk_) on_chunk_(offset);
  const auto& chunks = reader_.chunks();
  const auto chunk = std::partition_point(
      chunks.begin(), chunks.end(), [&](const ChunkEntry& one) { return one.offset < offset; });
  if (chunk != chunks.end()) frame_ = std::max(frame_, chunk->range.first_frame());
}

bool Dumper::OnPacket(const proto::Packet& packet) {
  if (packet.has_command()) return OnCommand(packet);
  if (packet.has_frame()) {
    const bool wanted = WantsOther(packet);
    frame_ = packet.frame().number() + 1;
    return !wanted || Print(packet);
  }
  if (packet.has_memory() && !filter_.WantsAll()) {
    HoldMemory(packet);
    return true;
  }
  return !WantsOther(packet) || Print(packet);
}

bool Dumper::OnCommand(const proto::Packet& packet) {
  const proto::Command& command = packet.command();
  if (command.number() > filter_.last_command || frame_ > filter_.last_frame) return false;
  in_wanted_ = filter_.Wants(command, frame_);
  std::string memory = std::exchange(memory_, {});
  const uint64_t left_out = std::exchange(memory_left_out_, 0);
  if (!in_wanted_) return true;
  if (left_out != 0) memory += LeftOutLine(left_out);
  if (!memory.empty() && !write_(memory)) return false;
  return Print(packet);
}

// Until the command comes that says whether it is wanted.
void Dumper::HoldMemory(const proto::Packet& packet) {
  constexpr size_t kMaxHeldBytes = 16u << 20;  // of lines: some 100,000 packets
  if (memory_.size() >= kMaxHeldBytes) {
    ++memory_left_out_;
    return;
  }
  PrintPacket(packet, frame_, reader_.summary().begin_ns, options_, memory_);
}

std::string Dumper::LeftOutLine(uint64_t packets) const {
  if (options_.json) return fmt::format("{{\"packet\":\"memory\",\"left_out\":{}}}\n", packets);
  return fmt::format("memory: {} more packets are left out\n", packets);
}

bool Dumper::WantsOther(const proto::Packet& packet) const {
  if (filter_.WantsAll()) return true;
  switch (packet.body_case()) {
    case proto::Packet::kReadback:
    case proto::Packet::kHeapEvent:
    case proto::Packet::kFrame:
      return in_wanted_;
    case proto::Packet::kFence:
    case proto::Packet::kMarker:
    case proto::Packet::kLoss:
    case proto::Packet::kFeatures:
    case proto::Packet::kDisplay:
    case proto::Packet::kGuestMemory:
    case proto::Packet::kDedicatedHeap:
      return in_wanted_ && !filter_.LooksInside();
    default:
      return false;
  }
}

bool Dumper::Print(const proto::Packet& packet) {
  lines_.clear();
  PrintPacket(packet, frame_, reader_.summary().begin_ns, options_, lines_);
  return write_(lines_);
}

}  // namespace

Status DumpTrace(TraceReader& reader, const DumpFilter& filter, const PacketPrintOptions& options,
                 const std::function<bool(const std::string& lines)>& write,
                 const std::function<void(uint64_t offset)>& on_chunk) {
  return Dumper(reader, filter, options, write, on_chunk).Run();
}

}  // namespace vgpu
