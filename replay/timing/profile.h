// Where the time of a replay went.
//
// Times are nanoseconds. What is counted is the job's range of frames; calls of the renderer
// inside a picture's check are not. The sum over a whole table of commands is the renderer's time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replay/timing/distribution.h"

namespace vgpu {

// Whether GL's time stamps are taken. Those of a driver that draws on the processor are those of
// its batches, not of commands, so that they mislead: kAuto takes them on a GPU.
enum class GpuTiming { kAuto, kOn, kOff };

struct ProfileOptions {
  static constexpr uint64_t kDefaultEvents = 1'000'000;
  static constexpr uint32_t kMaxTop = 300;  // so that all tables fit into one line of a worker

  uint64_t warm_up = 1;  // frames that percentiles leave out; the first always is one
  bool finish = false;   // waits for GL after each virgl command and transfer
  GpuTiming gpu = GpuTiming::kAuto;
  uint32_t top = 10;   // rows of each table, at most kMaxTop
  int events_fd = -1;  // where trace events are written; the parent's to close
  uint64_t max_events = kDefaultEvents;
};

// Inside the renderer.
struct SpentTime {
  uint64_t count = 0;
  uint64_t wall_ns = 0;
  uint64_t warm_up_ns = 0;  // of wall_ns, in frames of the warm-up
  uint64_t thread_ns = 0;   // processor time of the replaying thread
  uint64_t process_ns = 0;  // of all threads of the process: those of a driver too
  uint64_t gpu_ns = 0;      // between GPU time stamps; 0 where there are none
  Percentiles each;         // wall time of one, without the warm-up
};

struct CommandRow {
  std::string name;
  SpentTime spent;
};

// Draws and dispatches with this shader bound. A draw counts for each of its shaders.
struct ShaderRow {
  uint32_t context = 0, sub_context = 0, handle = 0;
  uint64_t command = 0;  // that made it
  std::string stage;     // "FRAGMENT"
  std::string digest;    // of its text
  std::string first_line;
  uint64_t lines = 0, bytes = 0;
  bool others = false;  // all that there was no room for: nothing of the above
  uint64_t vertices = 0;
  uint64_t made_ns = 0;  // wall time of the commands that brought its text
  SpentTime spent;
};

struct ResourceRow {
  uint32_t id = 0;
  uint64_t command = 0;  // that made it
  std::string shape;     // "640x480 B8G8R8X8_UNORM", "4096 bytes"
  bool others = false;   // as ShaderRow
  uint64_t to_host = 0, to_host_bytes = 0, to_host_ns = 0;  // transfers, also those in streams
  uint64_t from_host = 0, from_host_bytes = 0, from_host_ns = 0;
  uint64_t drawn = 0, drawn_ns = 0, drawn_gpu_ns = 0;  // draws, clears, blits, copies into it
};

struct ContextRow {
  uint32_t id = 0;       // 0: none, as of 2D commands
  uint64_t command = 0;  // that made it
  std::string name;      // as the guest gave it; any bytes
  uint64_t virgl_commands = 0, draws = 0;
  SpentTime spent;  // by virtio-gpu command
};

struct FrameRow {
  uint64_t frame = 0;
  uint64_t total_ns = 0;     // without profiling
  uint64_t renderer_ns = 0;  // of total_ns; the rest: the guest's writes and the tool's own work
  uint64_t commands = 0, draws = 0;
  uint64_t OutsideNs() const { return total_ns - renderer_ns; }
};

// The rows that took longest, and how many there are.
template <typename Row>
struct ProfileTable {
  std::vector<Row> rows;
  uint64_t all = 0;
};

struct TraceEventsReport {
  bool written = false;
  uint64_t events = 0;
  uint64_t left_out = 0;        // beyond the limit
  uint64_t first_left_out = 0;  // the command with the first of them
  std::string failure;          // why the file cannot be written further
};

struct Profile {
  bool finish = false;
  bool uses_gl = false;
  std::string no_gpu;     // why there are no GPU times, a full sentence; empty: there are
  uint64_t gpu_lost = 0;  // calls whose GPU time is not known
  uint64_t total_ns = 0;  // of the frames below, with what follows the last of them
  uint64_t renderer_ns = 0;
  uint64_t guest_write_ns = 0;                         // as in PlayReport
  uint64_t profiling_ns = 0;                           // what the profile itself took, of total_ns
  uint64_t thread_ns = 0, process_ns = 0, gpu_ns = 0;  // in the renderer
  uint64_t calls = 0;                                  // of the renderer

  uint64_t warm_up_frames = 0;
  FrameRow first;  // where there is a frame
  uint64_t measured_frames = 0;
  Percentiles frame_total, frame_renderer, frame_outside;  // of the measured frames

  ProfileTable<CommandRow> commands, virgl_commands;
  ProfileTable<ShaderRow> shaders;
  ProfileTable<ResourceRow> resources;
  ProfileTable<ContextRow> contexts;
  ProfileTable<FrameRow> slowest;  // of the measured frames
  TraceEventsReport trace_events;

  // The guest's writes and the tool's own work.
  uint64_t OutsideNs() const {
    const uint64_t known = renderer_ns + profiling_ns;
    return total_ns - (known < total_ns ? known : total_ns);
  }
  uint64_t OwnNs() const {
    const uint64_t outside = OutsideNs();
    return outside - (guest_write_ns < outside ? guest_write_ns : outside);
  }
};

// One JSON object; text that is not UTF-8 has U+FFFD.
std::string ProfileJson(const Profile& profile);
// Tables for a terminal, which its text does not steer.
std::string ProfileText(const Profile& profile);

}  // namespace vgpu
