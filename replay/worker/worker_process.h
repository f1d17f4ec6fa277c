// A child process that does risky work and reports in lines of text.
//
// It is forked, not executed: it inherits what its body refers to, but not stdin. The parent must
// have one thread and must not have touched GL. The child dies with its parent.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "format/protocol/error.h"
#include "replay/worker/progress_page.h"

namespace vgpu {

// The worker's end of the pipe.
class WorkerChannel {
 public:
  explicit WorkerChannel(int fd) : fd_(fd) {}
  // Sends one line, without its newline. Blocks while the parent is behind; an error means that
  // the parent is gone, and is left to the signal that comes with it.
  void Send(std::string_view line) const;

 private:
  int fd_;
};

class WorkerListener {
 public:
  virtual ~WorkerListener() = default;
  // One line, as sent; at most kMaxLine bytes.
  virtual void OnLine(std::string_view line) = 0;
  // About ten times a second.
  virtual void OnIdle(const Progress& progress) = 0;
};

inline constexpr size_t kMaxLine = 1u << 20;

struct WorkerEnd {
  enum class Kind {
    kFinished,     // the body returned
    kSignal,       // died of `signal`
    kExited,       // something in it called exit; `status`
    kTimeout,      // made no progress for the time allowed, and was killed
    kTooLong,      // took more time in all than allowed, and was killed
    kInterrupted,  // SIGINT or SIGTERM reached the parent (`signal`), and the worker was killed
  };
  Kind kind = Kind::kFinished;
  int signal = 0;
  int status = 0;
  Progress progress;        // where it was
  std::string last_output;  // the end of what it and its libraries wrote to stdout and stderr
};

struct WorkerOptions {
  std::chrono::milliseconds timeout{60'000};   // without a beat of the progress page; 0: for ever
  std::chrono::milliseconds total_timeout{0};  // in all; 0: for ever
};

// Runs `body` in a child and returns when it ended, whatever became of children of its own. kFailed
// where no process can be made.
Result<WorkerEnd> RunWorker(const WorkerOptions& options, ProgressPage& page,
                            const std::function<void(const WorkerChannel&)>& body,
                            WorkerListener& listener);

}  // namespace vgpu
