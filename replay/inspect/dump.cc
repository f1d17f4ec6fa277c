#include "replay/inspect/dump.h"

#include <algorithm>
#include <utility>

namespace vgpu {

namespace {

class Dumper {
 public:
  Dumper(TraceReader& reader, const DumpFilter& filter, const PacketPrintOptions& options,
         const std::function<bool(const std::string&)>& write)
      : reader_(reader), filter_(filter), options_(options), write_(write) {}

  Status Run();

 private:
  Status Seek();
  // False: nothing that is wanted comes any more, or the reader of the lines has gone.
  bool OnPacket(const proto::Packet& packet);
  bool OnCommand(const proto::Packet& packet);
  bool WantsOther(const proto::Packet& packet) const;
  bool Print(const proto::Packet& packet);

  TraceReader& reader_;
  const DumpFilter& filter_;
  const PacketPrintOptions& options_;
  const std::function<bool(const std::string&)>& write_;
  uint64_t frame_ = 0;      // that commands now work towards
  bool in_wanted_ = false;  // the last command was wanted
  std::string lines_;       // of the packet at hand
  std::string memory_;      // of memory packets whose command is not known yet
};

Status Dumper::Run() {
  if (const auto status = Seek(); !status) return status;
  bool first = true;
  while (true) {
    const auto packet = reader_.Next();
    if (!packet) return tl::unexpected(packet.error());
    if (*packet == nullptr) return {};
    if (std::exchange(first, false)) {
      for (const ChunkEntry& chunk : reader_.chunks()) {
        if (chunk.offset == reader_.chunk_offset()) frame_ = chunk.range.first_frame();
      }
    }
    if (!OnPacket(**packet)) return {};
  }
}

// To the chunk where the wanted range begins.
Status Dumper::Seek() {
  uint64_t command = filter_.first_command;
  for (const ChunkEntry& chunk : reader_.chunks()) {
    if (chunk.range.first_frame() > filter_.first_frame) break;
    if (filter_.first_frame != 0)
      command = std::max(filter_.first_command, chunk.range.first_command());
  }
  return command == 0 ? Status{} : reader_.SeekToCommand(command);
}

bool Dumper::OnPacket(const proto::Packet& packet) {
  if (packet.has_command()) return OnCommand(packet);
  if (packet.has_frame()) {
    const bool wanted = WantsOther(packet);
    frame_ = packet.frame().number() + 1;
    return !wanted || Print(packet);
  }
  if (packet.has_memory() && !filter_.WantsAll()) {
    PrintPacket(packet, frame_, reader_.summary().begin_ns, options_, memory_);
    return true;
  }
  return !WantsOther(packet) || Print(packet);
}

bool Dumper::OnCommand(const proto::Packet& packet) {
  const proto::Command& command = packet.command();
  if (command.number() > filter_.last_command || frame_ > filter_.last_frame) return false;
  in_wanted_ = filter_.Wants(command, frame_);
  const std::string memory = std::exchange(memory_, {});
  if (!in_wanted_) return true;
  if (!memory.empty() && !write_(memory)) return false;
  return Print(packet);
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
                 const std::function<bool(const std::string& lines)>& write) {
  return Dumper(reader, filter, options, write).Run();
}

}  // namespace vgpu
