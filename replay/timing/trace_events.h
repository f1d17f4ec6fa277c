// A file of trace events, as Perfetto's and Chrome's viewers read it.
//
// The format is the Trace Event Format's JSON array. All events are complete ones ("X"), counters
// ("C") and the names of tracks ("M"). A track's events come in the order of their begins, an outer
// one before those inside it. A file that ends too early, because the process died, lacks its
// closing bracket, which the format allows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "replay/timing/profile.h"

namespace vgpu {

class TraceEvents {
 public:
  // Processes of the format: what the tool's thread did, and the GPU.
  enum class Group : uint32_t { kReplay = 1, kGpu = 2 };

  // Writes to `fd`, at most `max_events` events without the names of tracks. -1: nothing at all.
  TraceEvents(int fd, uint64_t max_events);
  ~TraceEvents();
  TraceEvents(const TraceEvents&) = delete;
  TraceEvents& operator=(const TraceEvents&) = delete;

  bool IsOn() const { return fd_ >= 0 && report_.failure.empty(); }

  // Time 0 of the file. Nothing is before it.
  void StartAt(uint64_t time_ns) { zero_ns_ = time_ns; }

  // Tracks are numbered by whoever writes; names are any text.
  void NameGroup(Group group, std::string_view name);
  void NameTrack(Group group, uint32_t track, std::string_view name);

  struct Span {
    std::string_view name;  // needs no escape
    uint64_t begin_ns = 0, end_ns = 0;
    std::string args;  // the inside of a JSON object: "\"resource\":3"
  };
  // One with all that lies inside of it, all or nothing. `command`: to say where events end.
  void Write(Group group, uint32_t track, const Span& outer, const std::vector<Span>& inner,
             uint64_t command);
  void WriteCounter(std::string_view name, uint64_t time_ns, uint64_t value, uint64_t command);

  void Flush();  // what was written is in the file
  // Closes the array. What was written, and what not.
  TraceEventsReport Finish();

 private:
  bool Take(uint64_t events, uint64_t command);
  void Append(Group group, uint32_t track, const Span& span);
  void Line(std::string_view text);

  const int fd_;
  const uint64_t max_events_;
  uint64_t zero_ns_ = 0;
  std::string buffer_;
  bool begun_ = false;
  TraceEventsReport report_;
};

}  // namespace vgpu
