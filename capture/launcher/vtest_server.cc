#include "capture/launcher/vtest_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include "capture/io/unique_fd.h"
#include "capture/launcher/vtest_probe.h"
#include "capture/ring/clock.h"

namespace vgpu {

namespace fs = std::filesystem;

namespace {

using std::chrono::milliseconds;

constexpr char kProgram[] = "virgl_test_server";
constexpr uint64_t kReadyNs = 20'000'000'000;
constexpr uint64_t kEndNs = 2'000'000'000;
constexpr milliseconds kStep{5};
constexpr size_t kLogTail = 2000;

// Makes room for a socket at `path`.
Status ClearSocket(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) return {};
  if (fs::is_socket(path, error) && VtestProbe::Listens(path)) {
    return MakeError(
        ErrorCode::kFailed,
        fmt::format(
            "another vtest server listens at {}, the only socket that the installed Mesa knows",
            path.string()));
  }
  if (!fs::is_socket(path, error) || !fs::remove(path, error)) {
    return MakeError(
        ErrorCode::kFailed,
        fmt::format("{} is in the way of the server's socket and cannot be removed{}{}",
                    path.string(), error ? ": " : "", error ? error.message() : ""));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<VtestServer>> VtestServer::Start(const VtestServerOptions& options) {
  if (!FindProgram(kProgram)) {
    return MakeError(
        ErrorCode::kUnavailable,
        fmt::format("there is no {} in PATH; Debian has it in the package virgl-server", kProgram));
  }
  if (Status status = ClearSocket(options.socket); !status) return tl::unexpected(status.error());
  UniqueFd log(open(options.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{}: {}", options.log.string(), std::strerror(errno)));
  }
  ChildOptions child;
  // One word: with two, 0.10 takes the path for a file to play.
  child.argv = {kProgram, "--use-egl-surfaceless", "--socket-path=" + options.socket.string()};
  child.environment = options.environment;
  child.environment.emplace_back("GALLIUM_DRIVER",
                                 std::nullopt);  // virpipe would be its own client
  child.output = log.get();
  child.own_group = true;
  child.dies_with_parent = true;
  auto process = ChildProcess::Start(child);
  if (!process) return tl::unexpected(process.error());
  return std::unique_ptr<VtestServer>(new VtestServer(options, std::move(*process)));
}

VtestServer::~VtestServer() {
  const auto end_group = [this](int signal) { kill(-process_->pid(), signal); };
  end_group(SIGTERM);
  const uint64_t begin = MonotonicNs();
  while (!process_->TryReap() && MonotonicNs() - begin < kEndNs) std::this_thread::sleep_for(kStep);
  end_group(SIGKILL);  // children that outlived the server
  while (!process_->TryReap()) std::this_thread::sleep_for(kStep);
  std::error_code ignored;
  fs::remove(options_.socket, ignored);
}

Result<bool> VtestServer::WaitUntilReady(EventLoop& loop, Recorder& recorder,
                                         const std::function<bool()>& interrupted) {
  VtestProbe probe(options_.socket);
  const uint64_t begin = MonotonicNs();
  while (MonotonicNs() - begin < kReadyNs) {
    switch (probe.Step()) {
      case VtestProbe::State::kReady:
        return true;
      case VtestProbe::State::kRefused:
        return tl::unexpected(
            WithLog(ErrorCode::kUnavailable,
                    "virgl_test_server cannot start a renderer on surfaceless EGL here"));
      case VtestProbe::State::kWaiting:
        break;
    }
    if (process_->TryReap()) {
      return tl::unexpected(
          WithLog(ErrorCode::kUnavailable, "virgl_test_server ended as it started"));
    }
    if (interrupted()) return false;
    recorder.Drain();
    loop.Wait(kStep);
  }
  return tl::unexpected(WithLog(
      ErrorCode::kFailed,
      fmt::format("virgl_test_server does not answer within {} s", kReadyNs / 1'000'000'000)));
}

std::string VtestServer::LogTail() const {
  std::ifstream file(options_.log);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (text.size() > kLogTail) text.erase(0, text.size() - kLogTail);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Error VtestServer::WithLog(ErrorCode code, const std::string& what) const {
  const std::string said = LogTail();
  return {code,
          said.empty() ? what + "; it said nothing" : fmt::format("{}; it said:\n{}", what, said)};
}

}  // namespace vgpu
