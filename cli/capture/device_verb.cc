#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "capture/server/front_end_listener.h"
#include "cli/capture/device_process.h"
#include "cli/capture/recording.h"
#include "cli/capture/verbs.h"
#include "cli/output.h"
#include "cli/verb.h"
#include "format/protocol/escape.h"
#include "heap/heap_account.h"
#include "heap/shared_heap.h"

namespace vgpu::cli {

namespace {

// What QEMU's conventions for back-ends ask for (docs/interop/vhost-user.rst, vhost-user-gpu).
constexpr char kCapabilities[] = R"({
  "type": "gpu",
  "features": [
    "render-node",
    "virgl"
  ]
})";

constexpr uint64_t kPage = 4096;
constexpr uint64_t kSmallestMemory = 16u << 20;

struct Options {
  RecordingOptions recording;
  std::string socket_path;
  std::optional<int> fd;
  bool print_capabilities = false;
  bool virgl = false;
  bool no_virgl = false;
  bool persist = false;
  std::string max_memory = "4G";
  std::string host_visible;
  std::string heap_size, heap_quota;
  std::string dialect = "virtio";
  DeviceOptions device;

  bool records() const { return !recording.output.empty(); }
};

Status SetWindow(Options& options) {
  if (options.host_visible.empty()) return {};
  const auto window = ParseSize("--host-visible", options.host_visible);
  if (!window) return tl::unexpected(window.error());
  if (*window == 0 || *window % kPage != 0) {
    return UsageError(fmt::format("--host-visible {}: it is one or more pages of {} bytes",
                                  options.host_visible, kPage));
  }
  options.device.host_visible = *window;
  return {};
}

Status SetHeap(Options& options) {
  options.device.draft_2019 = options.dialect == "2019";
  if (options.heap_size.empty()) {
    if (options.heap_quota.empty() && !options.device.heap_read_only) return {};
    return UsageError(
        "--heap-quota and --heap-read-only are for a heap, and no --heap-size is given");
  }
  const auto size = ParseSize("--heap-size", options.heap_size);
  if (!size) return tl::unexpected(size.error());
  if (!HeapAccount::CanBe(*size, kHeapGranularity)) {
    return UsageError(fmt::format(
        "--heap-size {}: it is one or more pages of {} bytes, up to {} GiB", options.heap_size,
        kHeapGranularity, HeapAccount::kMaxGranules * kHeapGranularity >> 30));
  }
  if (!options.host_visible.empty()) {
    return UsageError(
        "--heap-size and --host-visible exclude each other: they are the two ways in "
        "which guest and host share memory");
  }
  options.device.heap = options.device.heap_quota = *size;
  if (options.heap_quota.empty()) return {};
  const auto quota = ParseSize("--heap-quota", options.heap_quota);
  if (!quota) return tl::unexpected(quota.error());
  options.device.heap_quota = *quota;
  return {};
}

Status Check(Options& options) {
  if (options.socket_path.empty() == !options.fd) {
    return UsageError("either --socket-path or --fd says where the front-end is");
  }
  if (options.fd && options.persist) {
    return UsageError("--persist waits for front-ends on a --socket-path; --fd is one of them");
  }
  if (options.virgl && options.no_virgl)
    return UsageError("--virgl and --no-virgl exclude each other");
  if (options.no_virgl && !options.device.render_node.empty()) {
    return UsageError("--render-node is for virgl, and --no-virgl is given");
  }
  if (options.device.dmabuf && options.device.render_node.empty()) {
    return UsageError(
        "--dmabuf hands out what a DRM device draws, and no --render-node says which");
  }
  if (!options.records() && options.recording != RecordingOptions()) {
    return UsageError("options of a recording are given, and no -o that says where it goes");
  }
  options.device.virgl = !options.no_virgl;
  if (options.device.scanouts > kMaxScanouts) {
    return UsageError(
        fmt::format("--scanouts {}: a device has 1 to {}", options.device.scanouts, kMaxScanouts));
  }
  const auto memory = ParseSize("--max-memory", options.max_memory);
  if (!memory) return tl::unexpected(memory.error());
  if (*memory < kSmallestMemory) {
    return UsageError(fmt::format("--max-memory {}: the smallest is {} bytes", options.max_memory,
                                  kSmallestMemory));
  }
  options.device.max_memory = *memory;
  if (Status window = SetWindow(options); !window) return window;
  return SetHeap(options);
}

Status CheckSocket(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    return UsageError(fmt::format("--fd {}: it is no socket: {}", fd, strerror(errno)));
  }
  if (type != SOCK_STREAM) return UsageError(fmt::format("--fd {}: it is no stream socket", fd));
  return {};
}

// The command line of the process that serves one front-end.
ChildOptions ChildFor(const Options& options, int fd, const Recording* recording) {
  ChildOptions child;
  child.dies_with_parent = recording == nullptr;  // a guest outlives its recorder
  child.argv = {std::filesystem::read_symlink("/proc/self/exe").string(),
                "device",
                "--fd",
                std::to_string(fd),
                "--max-memory",
                options.max_memory,
                options.no_virgl ? "--no-virgl" : "--virgl"};
  const auto add = [&child](const char* name, const std::string& value) {
    child.argv.emplace_back(name);
    child.argv.push_back(value);
  };
  if (options.device.scanouts != 0) add("--scanouts", std::to_string(options.device.scanouts));
  if (!options.host_visible.empty()) add("--host-visible", options.host_visible);
  if (!options.heap_size.empty()) add("--heap-size", options.heap_size);
  if (!options.heap_quota.empty()) add("--heap-quota", options.heap_quota);
  if (options.device.heap_read_only) child.argv.emplace_back("--heap-read-only");
  add("--dialect", options.dialect);
  if (!options.device.render_node.empty()) add("--render-node", options.device.render_node);
  if (options.device.dmabuf) child.argv.emplace_back("--dmabuf");
  std::optional<std::string> socket;
  if (recording != nullptr) socket = recording->recorder_socket();
  child.environment = {{ring::kSocketEnv, socket}};
  return child;
}

// Serves front-ends, each in a process of its own: a renderer that crashes takes neither the
// recording nor the next front-end with it.
class DeviceService {
 public:
  explicit DeviceService(const Options& options) : options_(options) {}

  int Run();

 private:
  Status Start();
  UniqueFd NextFrontEnd();
  int Serve(const UniqueFd& front_end);
  int ServeUnrecorded(const ChildOptions& child, const RunOptions& run);
  void Crashed(int signal) const;
  // Ended by what this process was asked to end with, before it could take it in.
  bool IsAskedEnd(int signal) const {
    return asked_to_end_ && (signal == SIGTERM || signal == SIGINT || signal == SIGHUP);
  }
  EventLoop& loop() { return recording_ ? recording_->loop() : *loop_; }
  SignalReader& signals() { return recording_ ? recording_->signals() : *signals_; }

  const Options& options_;
  std::unique_ptr<Recording> recording_;  // has signals and loop of its own
  std::unique_ptr<SignalReader> signals_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<FrontEndListener> listener_;
  bool asked_to_end_ = false;
};

Status DeviceService::Start() {
  if (options_.records()) {
    auto recording = Recording::Create(options_.recording);
    if (!recording) return tl::unexpected(recording.error());
    recording_ = std::move(*recording);
    recording_->SetSource("no driver of the guest used the device");
  } else {
    auto signals = SignalReader::Create();
    if (!signals) return tl::unexpected(signals.error());
    signals_ = std::move(*signals);
    auto loop = EventLoop::Create();
    if (!loop) return tl::unexpected(loop.error());
    loop_ = std::move(*loop);
  }
  if (options_.fd) return {};
  auto listener = FrontEndListener::Open(options_.socket_path);
  if (!listener) return tl::unexpected(listener.error());
  listener_ = std::move(*listener);
  return {};
}

// Nothing where the user wants no more.
UniqueFd DeviceService::NextFrontEnd() {
  UniqueFd front_end;
  (void)loop().Add(listener_->descriptor(), [&] { front_end = listener_->Accept(); });
  (void)loop().Add(signals().descriptor(),
                   [&] { asked_to_end_ = signals().Next().has_value() || asked_to_end_; });
  while (!front_end && !asked_to_end_) {
    std::optional<std::chrono::milliseconds> wait;
    if (recording_) wait = recording_->recorder().Drain();
    loop().Wait(wait);
  }
  loop().Remove(listener_->descriptor());
  loop().Remove(signals().descriptor());
  return front_end;
}

void DeviceService::Crashed(int signal) const {
  PrintError("vgpu-capture: the device's process was ended by signal {} ({}){}\n", signal,
             strsignal(signal),
             recording_ ? "; the trace has all up to the command in which that happened" : "");
}

int DeviceService::ServeUnrecorded(const ChildOptions& child, const RunOptions& run) {
  auto process = ChildProcess::Start(child);
  if (!process) return Fail(process.error());
  const ProgramEnd end = RunUnrecorded(*loop_, **process, *signals_, run);
  if (end.exited) return end.status;
  if (IsAskedEnd(end.signal)) return kExitSuccess;
  Crashed(end.signal);
  return kExitFailed;
}

int DeviceService::Serve(const UniqueFd& front_end) {
  fcntl(front_end.get(), F_SETFD, 0);  // the child has it
  const ChildOptions child = ChildFor(options_, front_end.get(), recording_.get());
  RunOptions run;
  run.signalled = [this] { asked_to_end_ = true; };
  if (!recording_) return ServeUnrecorded(child, run);
  const auto outcome = recording_->Run(child, run);
  if (!outcome) return Fail(outcome.error());
  if (outcome->exit_code <= 128) return outcome->exit_code;
  if (IsAskedEnd(outcome->exit_code - 128)) return kExitSuccess;
  Crashed(outcome->exit_code - 128);
  return kExitFailed;
}

int DeviceService::Run() {
  if (Status started = Start(); !started) return Fail(started.error());
  if (options_.fd) return Serve(UniqueFd(*options_.fd));
  int exit_code = kExitSuccess;
  while (UniqueFd front_end = NextFrontEnd()) {
    exit_code = Serve(front_end);
    if (exit_code == kExitUnavailable) return exit_code;  // nor for the next one
    if (!options_.persist || asked_to_end_) break;
  }
  return options_.persist ? kExitSuccess : exit_code;
}

int Run(Options& options) {
  if (options.print_capabilities) {
    Print("{}\n", kCapabilities);
    return kExitSuccess;
  }
  if (Status checked = Check(options); !checked) return Fail(checked.error());
  if (options.fd) {
    if (Status checked = CheckSocket(*options.fd); !checked) return Fail(checked.error());
    if (!options.records()) return ServeDevice(UniqueFd(*options.fd), options.device);
  }
  return DeviceService(options).Run();
}

}  // namespace

std::function<int()> AddCaptureDevice(CLI::App& command) {
  auto options = std::make_shared<Options>();
  command
      .add_option("--socket-path", options->socket_path,
                  "Wait for a front-end (a VMM) on this socket, which is made")
      ->type_name("PATH");
  command
      .add_option("--fd", options->fd,
                  "Serve the front-end behind this connected socket that was inherited; without -o "
                  "in this very process")
      ->check(UnsignedNumber())
      ->type_name("FDNUM");
  command.add_flag("--persist", options->persist,
                   "When a front-end has gone wait for the next one; each has a trace of its own");
  command.add_flag("--print-capabilities", options->print_capabilities,
                   "Print what this back-end can do, as JSON, and end");
  command.add_flag("--virgl", options->virgl, "Offer 3D through virglrenderer (the default)");
  command.add_flag("--no-virgl", options->no_virgl, "2D alone, which needs no GL");
  command
      .add_option("--render-node", options->device.render_node,
                  "The DRM device to draw with (default: what EGL has without a window system)")
      ->type_name("PATH");
  command.add_flag(
      "--dmabuf", options->device.dmabuf,
      "Hand what is drawn to the front-end's display as DMABUFs, not as pixels: for a display that "
      "has GL (sdl,gl=on), on the --render-node that it draws with too");
  command
      .add_option(
          "--scanouts", options->device.scanouts,
          "Displays of the device, 1 to 16; 0: as many as the front-end has (default: 0; the "
          "device's configuration says 1, which QEMU replaces by its max_outputs)")
      ->check(UnsignedNumber())
      ->type_name("N");
  command
      .add_option("--max-memory", options->max_memory,
                  "The most that a guest may have in backings, and the most that its resources and "
                  "contexts may take here, in bytes or with K, M or G behind it (default: 4G)")
      ->type_name("SIZE");
  command
      .add_option("--host-visible", options->host_visible,
                  "Size of a window through which the guest maps memory of the host (blobs), in "
                  "bytes or with K, M or G behind it; for front-ends that take one, which QEMU 10 "
                  "does not, and GL drivers that export memory (default: none)")
      ->type_name("SIZE");
  command
      .add_option("--heap-size", options->heap_size,
                  "Size of the dedicated heap, in bytes or with K, M or G behind it: memory that "
                  "guest and device share from the start on and that the guest places resources in "
                  "by itself. It is mapped by front-ends that take a window; with QEMU 10 it is "
                  "the memory of an ivshmem device of just this size (default: none)")
      ->type_name("SIZE");
  command
      .add_option("--heap-quota", options->heap_quota,
                  "The most of the heap that a context may have placed at a time (default: all)")
      ->type_name("SIZE");
  command.add_flag("--heap-read-only", options->device.heap_read_only,
                   "The guest may read the heap and not write it, where the front-end maps it");
  command
      .add_option("--dialect", options->dialect,
                  "virtio: the specification's commands; 2019: those of a draft, in which a guest "
                  "asks for the heap by ALLOCATION_METADATA, with VIRGL and EDID alone")
      ->check(CLI::IsMember({"virtio", "2019"}))
      ->type_name("NAME")
      ->capture_default_str();
  AddRecordingOptions(command, nullptr, options->recording);
  command.footer(
      "Without -o nothing is recorded. Each front-end is served by a process of its own, started "
      "as vgpu-capture device --fd FDNUM; where that crashes, the trace has everything up to the "
      "command in which it did. The exit status is 0 when the front-end has gone; 2 for wrong "
      "usage; 4 where device or recording failed; 77 where there is no GL for virgl.\n\n"
      "  vgpu-capture device --socket-path /tmp/gpu.sock -o guest.vgpu &\n"
      "  qemu-system-x86_64 -object memory-backend-memfd,id=mem,size=2G,share=on \\\n"
      "    -machine q35,memory-backend=mem -chardev socket,id=gpu,path=/tmp/gpu.sock \\\n"
      "    -device vhost-user-gpu-pci,chardev=gpu ...");
  return [options] { return Run(*options); };
}

}  // namespace vgpu::cli
