// Records every renderer that connects: a ring and a trace file each.
//
// Lives in vgpu-capture, beside the programs that it records. One thread: the recorder hangs its
// sockets into the caller's event loop, and the caller calls Drain after each Wait.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/io/event_loop.h"
#include "capture/recorder/control.h"
#include "capture/recorder/output_files.h"
#include "capture/recorder/private_folder.h"
#include "capture/recorder/renderer_recording.h"
#include "capture/recorder/unix_socket.h"
#include "capture/ring/handshake.h"

namespace vgpu {

struct RecorderStatus {
  pid_t pid = 0;
  pid_t program_pid = 0;
  bool recording = true;                  // false once stopped: new renderers are not recorded
  uint64_t connected = 0;                 // renderers that were to be initialised
  uint64_t initialised = 0;               // those that were
  std::vector<RendererStatus> renderers;  // those with a file or an error, and those that live
  uint64_t ended = 0;                     // of these: the first ones
};

struct RecorderOptions {
  std::filesystem::path output;
  bool overwrite = false;
  int zstd_level = 1;
  uint64_t ring_bytes = kDefaultRingBytes;
  OnFull on_full = OnFull::kWait;
  uint32_t frame_checks = 10;  // as ring::Welcome has it
  RecordingLimits limits;
  std::string producer;
  std::vector<std::string> program;  // the command line that the traces name
  // Something that the user should know at once; a sentence.
  std::function<void(const std::string&)> notice = [](const std::string&) {};
  // The reply to "status" on the control socket.
  std::function<std::string(const RecorderStatus&)> encode_status = [](const RecorderStatus&) {
    return std::string();
  };
};

// How the recorded program ended.
struct ProgramEnd {
  bool exited = false;
  int status = 0;
  int signal = 0;  // that ended it, where not exited
};

class Recorder {
 public:
  // Checks the output, makes the private folder and listens. `loop` outlives the recorder.
  static Result<std::unique_ptr<Recorder>> Create(EventLoop& loop, RecorderOptions options);
  ~Recorder();

  const std::filesystem::path& folder() const { return folder_->path(); }
  std::filesystem::path socket() const { return folder_->ring_socket(); }

  // The program that was started: its own renderers' traces wait for its exit status.
  void SetProgram(pid_t pid) {
    program_pid_ = pid;
    program_end_.reset();
  }
  void SetProgramEnd(const ProgramEnd& end) { program_end_ = end; }

  // Moves what the rings hold. Returns how long the caller may wait before the next call.
  std::optional<std::chrono::milliseconds> Drain();
  // Ends every recording; renderers that come later are not recorded.
  void Stop(const std::string& reason);
  // Ends and forgets every renderer; the files are complete.
  void Close();

  bool HasLiveRenderers() const { return !renderers_.empty(); }
  // MonotonicNs of the last record that came.
  uint64_t last_activity_ns() const { return last_activity_ns_; }
  RecorderStatus status() const;

 private:
  // One connection: before its Hello there is no recording.
  struct Renderer {
    Peer peer;
    UniqueFd pidfd;
    std::unique_ptr<RendererRecording> recording;
    bool initialised = false;  // records have come
    bool hung_up = false;      // the socket is closed, by the shim or by a program that closes all
    bool died = false;         // the process is: nothing more comes
    uint64_t hung_up_ns = 0;
  };
  using Place = std::list<Renderer>::iterator;

  Recorder(EventLoop& loop, RecorderOptions options, OutputFiles files,
           std::unique_ptr<PrivateFolder> folder);
  Status Listen();
  void Accept();
  void TakeMessage(Place renderer);
  void Welcome(Place renderer, const ring::Hello& hello);
  Status StartRecording(Renderer& renderer);
  // Says why a renderer is not recorded, and remembers it as a recording that failed.
  void NotRecorded(pid_t pid, const std::string& why);
  void HangUp(Place renderer);
  bool DrainOne(Renderer& renderer, uint64_t now_ns);
  static bool MayGoOn(const Renderer& renderer);
  bool MayEnd(const Renderer& renderer, uint64_t now_ns) const;
  proto::End EndOf(const Renderer& renderer) const;
  void Remove(Place renderer);
  Result<std::string> Control(const std::string& request);
  std::string Pids() const;

  EventLoop& loop_;
  RecorderOptions options_;
  OutputFiles files_;
  std::unique_ptr<PrivateFolder> folder_;
  std::optional<PeerListener> listener_;
  std::unique_ptr<ControlServer> control_;
  std::list<Renderer> renderers_;
  std::vector<RendererStatus> ended_;
  uint64_t connected_ = 0;
  uint64_t initialised_ = 0;
  bool stopped_ = false;
  pid_t program_pid_ = 0;
  std::optional<ProgramEnd> program_end_;
  uint64_t last_activity_ns_ = 0;
  bool moved_ = false;  // something came since the last Drain began
  std::chrono::milliseconds idle_wait_{1};
};

}  // namespace vgpu
