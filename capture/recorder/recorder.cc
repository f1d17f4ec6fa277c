#include "capture/recorder/recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "capture/ring/clock.h"
#include "capture/recorder/peer_process.h"

namespace vgpu {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShortestWait{1};
constexpr milliseconds kLongestWait{10};
// How long a trace waits for the exit status of a program that closed its renderer and lives on.
constexpr uint64_t kExitGraceNs = 250'000'000;

std::string FrameChecksText(uint32_t checks) {
  if (checks == 0) return "off";
  return checks == ring::kAllFrames ? "all" : std::to_string(checks);
}

}  // namespace

Result<std::unique_ptr<Recorder>> Recorder::Create(EventLoop& loop, RecorderOptions options) {
  auto files = OutputFiles::Check(options.output, options.overwrite);
  if (!files) return tl::unexpected(files.error());
  auto folder = PrivateFolder::Create();
  if (!folder) return tl::unexpected(folder.error());
  std::unique_ptr<Recorder> recorder(
      new Recorder(loop, std::move(options), std::move(*files), std::move(*folder)));
  if (Status status = recorder->Listen(); !status) return tl::unexpected(status.error());
  return recorder;
}

Recorder::Recorder(EventLoop& loop, RecorderOptions options, OutputFiles files,
                   std::unique_ptr<PrivateFolder> folder)
    : loop_(loop),
      options_(std::move(options)),
      files_(std::move(files)),
      folder_(std::move(folder)) {}

Status Recorder::Listen() {
  auto listener = PeerListener::Open(folder_->ring_socket());
  if (!listener) return tl::unexpected(listener.error());
  listener_ = std::move(*listener);
  auto control =
      ControlServer::Create(loop_, folder_->control_socket(),
                            [this](const std::string& request) { return Control(request); });
  if (!control) return tl::unexpected(control.error());
  control_ = std::move(*control);
  return loop_.Add(listener_->descriptor(), [this] { Accept(); });
}

Recorder::~Recorder() {
  Close();
  if (listener_) loop_.Remove(listener_->descriptor());
}

void Recorder::Accept() {
  auto peer = listener_->Accept();
  if (!peer) return NotRecorded(0, peer.error().message);
  if (!*peer) return;
  const Place renderer = renderers_.emplace(renderers_.end());
  renderer->peer = std::move(**peer);
  renderer->pidfd = OpenProcess(renderer->peer.pid);
  if (renderer->pidfd) {
    const Status watched = loop_.Add(renderer->pidfd.get(), [this, renderer] {
      loop_.Remove(renderer->pidfd.get());
      renderer->died = true;
      HangUp(renderer);
    });
    if (!watched) renderer->pidfd.Reset();
  }
  const Status added =
      loop_.Add(renderer->peer.socket.get(), [this, renderer] { TakeMessage(renderer); });
  if (added) return;
  NotRecorded(renderer->peer.pid, added.error().message);
  Remove(renderer);
}

void Recorder::NotRecorded(pid_t pid, const std::string& why) {
  RendererStatus status;
  status.pid = static_cast<uint32_t>(pid);
  status.recording = false;
  status.error = why;
  ended_.push_back(std::move(status));
  options_.notice(pid == 0 ? fmt::format("a process is not recorded: {}", why)
                           : fmt::format("process {} is not recorded: {}", pid, why));
}

// The shim sends a Hello and nothing else; later, the socket only hangs up.
void Recorder::TakeMessage(Place renderer) {
  const auto message = ReceiveMessage(renderer->peer.socket.get(), sizeof(ring::Hello));
  if (!message) return;
  if (message->empty()) return HangUp(renderer);
  if (renderer->recording != nullptr) return;
  ring::Hello hello;
  if (message->size() == sizeof(hello)) std::memcpy(&hello, message->data(), sizeof(hello));
  if (message->size() != sizeof(hello) || hello.magic != ring::kHandshakeMagic ||
      hello.version != ring::kHandshakeVersion) {
    NotRecorded(
        renderer->peer.pid,
        fmt::format("it speaks another version of the capture protocol ({}; this one is {})",
                    message->size() == sizeof(hello) ? hello.version : 0, ring::kHandshakeVersion));
    return HangUp(renderer);
  }
  Welcome(renderer, hello);
}

void Recorder::Welcome(Place renderer, const ring::Hello&) {
  ++connected_;
  ring::Welcome welcome;
  welcome.frame_checks = options_.frame_checks;
  welcome.record = 0;
  if (!stopped_) {
    if (Status status = StartRecording(*renderer); status) {
      welcome.record = 1;
    } else {
      NotRecorded(renderer->peer.pid, status.error().message);
    }
  }
  const Bytes message = std::as_bytes(std::span(&welcome, 1));
  const int memfd = welcome.record != 0 ? renderer->recording->ring_memfd() : -1;
  if (!SendMessage(renderer->peer.socket.get(), message, memfd)) HangUp(renderer);
}

Status Recorder::StartRecording(Renderer& renderer) {
  auto ring = RingReader::Create(options_.ring_bytes, options_.on_full);
  if (!ring) return tl::unexpected(ring.error());
  RendererOrigin origin;
  origin.producer = options_.producer;
  origin.program = options_.program;
  origin.pid = static_cast<uint32_t>(renderer.peer.pid);
  origin.likely_source = LikelySourceOf(renderer.peer.pid);
  origin.frame_checks = FrameChecksText(options_.frame_checks);
  TraceWriterOptions writer;
  writer.zstd_level = options_.zstd_level;
  renderer.recording = std::make_unique<RendererRecording>(std::move(*ring), std::move(origin),
                                                           files_, writer, options_.limits);
  return {};
}

// Drain takes what is left, and removes the renderer where nothing more can come.
void Recorder::HangUp(Place renderer) {
  if (renderer->hung_up) return;
  renderer->hung_up = true;
  renderer->hung_up_ns = MonotonicNs();
  loop_.Remove(renderer->peer.socket.get());
}

std::optional<milliseconds> Recorder::Drain() {
  const uint64_t now = MonotonicNs();
  bool busy = false;
  moved_ = false;
  for (Place place = renderers_.begin(); place != renderers_.end();) {
    const Place renderer = place++;
    const bool more = DrainOne(*renderer, now);
    const bool over = renderer->recording != nullptr && renderer->recording->finished();
    if (over || (!more && MayEnd(*renderer, now))) Remove(renderer);
    busy = busy || more;
  }
  if (moved_) last_activity_ns_ = now;
  if (busy) return milliseconds(0);
  if (renderers_.empty()) return std::nullopt;
  idle_wait_ = moved_ ? kShortestWait : std::min(idle_wait_ * 2, kLongestWait);
  return idle_wait_;
}

// True where something moved: there may be more.
bool Recorder::DrainOne(Renderer& renderer, uint64_t now_ns) {
  if (renderer.recording == nullptr) return false;
  const bool more = renderer.recording->Drain(now_ns);
  moved_ = moved_ || more;
  if (renderer.recording->records() > 0 && !std::exchange(renderer.initialised, true)) {
    ++initialised_;
  }
  return more;
}

// A program that closes all of its descriptors goes on writing into its ring: while its process
// lives and has not said that the renderer is gone, more may come.
bool Recorder::MayGoOn(const Renderer& renderer) {
  if (renderer.recording == nullptr || renderer.recording->records() == 0) return false;
  return renderer.pidfd && !renderer.died && !renderer.recording->said_goodbye();
}

// A renderer of the program itself waits for its exit status, which stands in the trace's end.
bool Recorder::MayEnd(const Renderer& renderer, uint64_t now_ns) const {
  if (!renderer.hung_up || MayGoOn(renderer)) return false;
  if (renderer.peer.pid != program_pid_ || program_end_) return true;
  return !renderer.died && now_ns - renderer.hung_up_ns > kExitGraceNs;
}

proto::End Recorder::EndOf(const Renderer& renderer) const {
  proto::End end;
  end.set_time_ns(MonotonicNs());
  if (program_end_) {
    end.set_reason("the program ended");
    end.set_exited(program_end_->exited);
    end.set_exit_status(program_end_->status);
    end.set_signal(program_end_->signal);
  } else if (renderer.died) {
    end.set_reason(fmt::format("process {} ended", renderer.peer.pid));
  } else if (renderer.recording->said_goodbye()) {
    end.set_reason(fmt::format("process {} closed its renderer", renderer.peer.pid));
  } else {
    end.set_reason(fmt::format("process {} closed its connection", renderer.peer.pid));
  }
  return end;
}

void Recorder::Remove(Place renderer) {
  if (renderer->recording != nullptr) {
    renderer->recording->Finish(EndOf(*renderer), Translator::OpenCommand::kUnanswered);
    RendererStatus status = renderer->recording->status();
    if (!status.error.empty())
      options_.notice(status.error + "; the recording ends there, the program runs on");
    if (!status.file.empty() || !status.error.empty()) ended_.push_back(std::move(status));
  }
  if (!renderer->hung_up) loop_.Remove(renderer->peer.socket.get());
  if (renderer->pidfd && !renderer->died) loop_.Remove(renderer->pidfd.get());
  renderers_.erase(renderer);
}

void Recorder::Close() {
  while (!renderers_.empty()) Remove(renderers_.begin());
}

void Recorder::Stop(const std::string& reason) {
  stopped_ = true;
  for (Renderer& renderer : renderers_) {
    if (renderer.recording == nullptr) continue;
    proto::End end;
    end.set_reason(reason);
    end.set_time_ns(MonotonicNs());
    renderer.recording->Finish(end, Translator::OpenCommand::kLeftOut);
  }
}

RecorderStatus Recorder::status() const {
  RecorderStatus status;
  status.pid = getpid();
  status.program_pid = program_pid_;
  status.recording = !stopped_;
  status.connected = connected_;
  status.initialised = initialised_;
  status.renderers = ended_;
  status.ended = ended_.size();
  for (const Renderer& renderer : renderers_) {
    if (renderer.recording != nullptr) status.renderers.push_back(renderer.recording->status());
  }
  return status;
}

std::string Recorder::Pids() const {
  std::string pids = fmt::format(" {} ", getpid());
  if (program_pid_ != 0) pids += fmt::format("{} ", program_pid_);
  for (const Renderer& renderer : renderers_) pids += fmt::format("{} ", renderer.peer.pid);
  return pids;
}

Result<std::string> Recorder::Control(const std::string& request) {
  if (request == "pids") return Pids();
  if (request == "status") return options_.encode_status(status());
  if (request == "stop") {
    if (stopped_) return MakeError(ErrorCode::kUsage, "the recording has been stopped already");
    Stop("stopped by vgpu-capture ctl");
    return std::string("recording stopped; the program runs on");
  }
  if (request == "start") {
    return MakeError(
        ErrorCode::kUsage,
        "a recording that begins in the middle needs state snapshots, which this version lacks; "
        "recordings begin with the renderer");
  }
  if (request.starts_with("mark ")) {
    const uint64_t now = MonotonicNs();
    uint64_t marked = 0;
    for (Renderer& renderer : renderers_) {
      if (renderer.recording == nullptr || renderer.recording->finished()) continue;
      renderer.recording->Drain(now);  // what came before the request
      renderer.recording->Mark(request.substr(5), now);
      ++marked;
    }
    if (marked == 0)
      return MakeError(ErrorCode::kUsage,
                       "no renderer is being recorded; there is nothing to mark");
    return fmt::format("marked {} recording{}", marked, marked == 1 ? "" : "s");
  }
  return MakeError(ErrorCode::kUsage, fmt::format("'{}' is not a request", request));
}

}  // namespace vgpu
