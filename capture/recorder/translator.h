// Turns the records of one renderer's ring into the packets of its trace.
//
// Order: what a command reads (Memory) before it, then the command once it has ended, then what
// belongs to it (heap events, read-backs, frame). A command is held until the next one begins,
// because the fence that was asked for it comes after its end, and is folded into its request and
// response as the guest sent and saw it; the renderer may still refuse the fence. Features,
// displays and guest memory stand behind it, and behind the commands that a reset implies.
// Everything else is written as it arrives.
//
// Not thread-safe. Errors are those of the sink, or a sentence about a record that makes no sense.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/recorder/live_objects.h"
#include "capture/recorder/packet_sink.h"
#include "capture/recorder/ring_packets.h"
#include "capture/ring/records.h"
#include "capture/ring/ring.h"

namespace vgpu {

struct TranslatorCounts {
  uint64_t commands = 0;
  uint64_t frames = 0;
  uint64_t checks = 0;  // read-backs and frames with a digest
  DropCounts lost;
};

class Translator {
 public:
  // `sink` outlives the translator.
  Translator(RendererOrigin origin, PacketSink& sink);

  Status Take(uint16_t type, Bytes payload);
  // Records that the writer dropped for this cause since the last call.
  Status NoteLoss(DropCause cause, const DropCount& lost);
  Status Mark(std::string_view text, uint64_t time_ns);
  // Forgets the commands that are not written yet.
  void Discard();
  // Writes what is held, and the end. A command that was begun and has not ended is written as
  // unanswered where the renderer died inside, and left out where only the recording ends.
  enum class OpenCommand { kUnanswered, kLeftOut };
  Status Finish(const proto::End& end, OpenCommand open);

  // Frames that have come, written or held.
  uint64_t frames_seen() const { return next_frame_; }
  // The renderer was reset or cleaned up, and nothing has come since.
  bool was_reset() const { return reset_; }
  // Of what has been written.
  const TranslatorCounts& counts() const { return counts_; }

 private:
  // A command and the packets that follow it.
  struct Pending {
    proto::Packet packet;
    std::vector<proto::Packet> trailing;
    std::optional<ring::FenceRecord> fence;
    bool only_fence = false;  // nobody's command: it is there to carry the fence
  };

  Status TakeSession(Bytes payload);
  Status TakeMemory(Bytes payload);
  Status TakeBegin(Bytes payload);
  Status TakeEnd(Bytes payload);
  Status TakeFrame(Bytes payload);
  Status TakeFence(Bytes payload);
  Status TakeFenceRefused(Bytes payload);
  Status TakeSignalled(Bytes payload);
  Status TakePlaces(Bytes payload);
  // What stands between commands.
  Status TakeBetween(const Result<proto::Packet>& packet);

  // Before a command's first record, or what stands between two: all before it is written.
  Status StartCommand();
  bool MayCarry(const ring::FenceRecord& fence) const;
  Status HoldOwnFence(const ring::FenceRecord& record);
  Pending Inferred(const std::string& request) const;
  Status CloseOpen(bool unanswered);
  Status FlushHeld();
  Status WriteCommand(Pending& pending);
  Status WriteTrailing(proto::Packet& packet, uint64_t command);
  Status AddCheck(Result<proto::Packet> packet);
  Status AddTrailing(Result<proto::Packet> packet);
  Status Pass(const Result<proto::Packet>& packet);
  Status EnsureSession();

  RendererOrigin origin_;
  PacketSink& sink_;
  TranslatorCounts counts_;
  LiveObjects live_;
  std::optional<Pending> open_;  // begun, not ended
  std::optional<Pending> held_;  // ended, waits for its fence
  uint64_t next_command_ = 0;
  uint64_t next_frame_ = 0;
  uint32_t last_context_ = 0;  // of the last submit
  uint64_t last_time_ns_ = 0;  // of the last record that has a time
  bool has_session_ = false;
  bool reset_ = false;  // the renderer was reset, nothing has come since
};

}  // namespace vgpu
