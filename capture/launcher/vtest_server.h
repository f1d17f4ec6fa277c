// A virgl_test_server of our own, for one application.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "capture/io/event_loop.h"
#include "capture/launcher/child_process.h"
#include "capture/recorder/recorder.h"
#include "format/protocol/error.h"

namespace vgpu {

// The one path that Mesa knows where it does not take one from its environment.
inline constexpr char kFixedVtestSocket[] = "/tmp/.virgl_test";

struct VtestServerOptions {
  std::filesystem::path socket;
  std::filesystem::path log;  // takes the server's output
  std::vector<std::pair<std::string, std::optional<std::string>>> environment;
};

class VtestServer {
 public:
  // kUnavailable where virgl_test_server is not installed; kFailed where another server listens at
  // the socket. A socket at which nobody does is removed.
  static Result<std::unique_ptr<VtestServer>> Start(const VtestServerOptions& options);
  // Ends the server and its children, and removes its socket.
  ~VtestServer();

  // Asks for a renderer until the server gives one, for a bounded time. The recorder is served
  // meanwhile. False once `interrupted`, which is asked again and again. kUnavailable where the
  // server ends or has no renderer (no EGL), kFailed where it does not answer; both with what it
  // said.
  Result<bool> WaitUntilReady(EventLoop& loop, Recorder& recorder,
                              const std::function<bool()>& interrupted);

  // The last lines of what the server said.
  std::string LogTail() const;

 private:
  VtestServer(VtestServerOptions options, std::unique_ptr<ChildProcess> process)
      : options_(std::move(options)), process_(std::move(process)) {}
  Error WithLog(ErrorCode code, const std::string& what) const;

  VtestServerOptions options_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace vgpu
