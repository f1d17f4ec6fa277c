// What a replay worker tells its parent: one JSON object a line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "format/protocol/error.h"
#include "heap/heap_usage.h"
#include "replay/frames/frame_result.h"
#include "replay/player/player.h"

namespace vgpu {

struct StartedEvent {
  RendererInfo renderer;
  uint64_t commands = 0, frames = 0;  // of the trace, as far as its heads tell
  bool writes_confined = false;
  std::string profile;        // of the golden set, that was chosen; empty: there is none
  std::string profile_match;  // and for what: profile_matches.def
};

// A difference from the recording or from the golden set.
struct DifferenceEvent {
  std::string kind;  // "response", "readback", "fence", "frame", "golden"
  uint64_t command = 0;
  std::string command_name;
  uint32_t context = 0;
  uint64_t frame = 0;
  uint32_t resource = 0;
  std::string message;                 // a full sentence with all of it, in one line
  std::optional<FrameResult> picture;  // of a frame; with the same message
};

struct NoteEvent {
  std::string message;
};

// A picture that was written.
struct PictureEvent {
  uint64_t frame = 0;
  uint32_t scanout = 0;
  uint32_t width = 0, height = 0;
  std::string digest;  // of the RGBA rows
  std::string file;
};

// What a frame shows, where it was asked for.
struct FrameEvent {
  uint64_t frame = 0;
  std::string digest;   // of its pixels; empty where they cannot be read, and
  std::string failure;  // why
};

struct FailedEvent {
  uint32_t code = 0;  // ErrorCode
  std::string message;
};

struct DoneEvent {
  PlayReport report;  // of all loops together
  uint64_t loops = 0;
  uint64_t differences = 0;         // of all kinds, those not listed too
  uint64_t golden_compared = 0;     // frames that the golden set has
  uint64_t golden_different = 0;    // of these, from its picture
  uint64_t tolerated = 0;           // frames that differ within the tolerance
  uint64_t not_judged = 0;          // content of another digest, of which no picture is known
  std::vector<std::string> damage;  // of the trace, a sentence each
  bool truncated = false;
  HeapUsage heap;  // of all loops; its policy is empty where none was chosen
};

// A FrameResult: of each frame that was judged, apart from those that a DifferenceEvent holds.
using WorkerEvent = std::variant<StartedEvent, DifferenceEvent, NoteEvent, PictureEvent, FrameEvent,
                                 FailedEvent, DoneEvent, FrameResult>;

std::string EncodeEvent(const WorkerEvent& event);
// kFailed for a line that no worker sends.
Result<WorkerEvent> DecodeEvent(std::string_view line);

}  // namespace vgpu
