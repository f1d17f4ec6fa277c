// Steering a recorder from another process: one request, one reply, over a private socket.
//
// A request is a line of text. A reply is one digit, 0 or the exit code that the request deserves,
// and a text.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "capture/io/event_loop.h"
#include "capture/io/unique_fd.h"
#include "capture/recorder/unix_socket.h"
#include "format/protocol/error.h"

namespace vgpu {

// Answers requests; lives in the recorder.
class ControlServer {
 public:
  using Handler = std::function<Result<std::string>(const std::string& request)>;
  // `loop` outlives the server; `handler` is called from its Wait.
  static Result<std::unique_ptr<ControlServer>> Create(EventLoop& loop,
                                                       const std::filesystem::path& socket,
                                                       Handler handler);
  ~ControlServer();

 private:
  ControlServer(EventLoop& loop, PeerListener listener, Handler handler)
      : loop_(loop), listener_(std::move(listener)), handler_(std::move(handler)) {}
  void Accept();
  void Answer(int client);

  EventLoop& loop_;
  PeerListener listener_;
  Handler handler_;
  std::map<int, UniqueFd> clients_;
};

// Asks the recorder that listens at `socket`. An error is the recorder's own, or that none answers.
Result<std::string> AskRecorder(const std::filesystem::path& socket, const std::string& request);

// The control socket of the recorder that `target` names: its PID, the PID of a process that it
// records, or the path of the socket itself. kUsage with a sentence where there is none.
Result<std::filesystem::path> FindRecorder(const std::string& target);

}  // namespace vgpu
