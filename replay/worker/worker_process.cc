#include "replay/worker/worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>

#include "replay/worker/interrupt_guard.h"

namespace vgpu {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTickMs = 100;
constexpr size_t kKeptOutput = 8192;
constexpr int kBodyThrew = 120;

struct Pipe {
  int read = -1, write = -1;
  bool Open() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) return false;
    read = fds[0];
    write = fds[1];
    return true;
  }
  void CloseRead() { Close(read); }
  void CloseWrite() { Close(write); }
  ~Pipe() {
    Close(read);
    Close(write);
  }

 private:
  static void Close(int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
};

[[noreturn]] void RunChild(pid_t parent, Pipe& lines, Pipe& output,
                           const std::function<void(const WorkerChannel&)>& body) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kBodyThrew);
  signal(SIGINT, SIG_IGN);  // the parent ends the worker
  signal(SIGTERM, SIG_DFL);
  signal(SIGPIPE, SIG_IGN);
  lines.CloseRead();
  output.CloseRead();
  // What waits on the user's terminal is not the worker's.
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0) close(STDIN_FILENO);
  // GL libraries print to both; a report on stdout must not be mixed with it.
  dup2(output.write, STDOUT_FILENO);
  dup2(output.write, STDERR_FILENO);
  try {
    body(WorkerChannel(lines.write));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::fflush(nullptr);
    _exit(kBodyThrew);
  }
  std::fflush(nullptr);
  // No exit handlers: those of GL drivers may wait for threads for ever.
  _exit(0);
}

// The parent's side of one worker.
class Supervisor {
 public:
  Supervisor(pid_t pid, Pipe& lines, Pipe& output, const WorkerOptions& options, ProgressPage& page,
             WorkerListener& listener)
      : pid_(pid),
        lines_(lines),
        output_(output),
        options_(options),
        page_(page),
        listener_(listener) {}

  WorkerEnd Watch();

 private:
  void Poll();
  bool ReadLines();
  bool ReadOutput();
  // Adds what passed since the last look to both of its clocks.
  void Look();
  void Kill(WorkerEnd::Kind kind, int signal);
  // Whether the worker has ended; waits for it if told to.
  bool Reap(int options);

  pid_t pid_;
  Pipe& lines_;
  Pipe& output_;
  const WorkerOptions& options_;
  ProgressPage& page_;
  WorkerListener& listener_;
  WorkerEnd end_;
  bool killed_ = false;
  bool reaped_ = false;
  std::string partial_;
  uint64_t last_beat_ = 0;
  Clock::duration silence_{};
  Clock::duration total_{};
  Clock::time_point last_look_ = Clock::now();
  Clock::time_point last_idle_ = Clock::now();
};

bool HasMore(int fd) {
  pollfd event{fd, POLLIN, 0};
  return poll(&event, 1, 0) == 1;
}

WorkerEnd Supervisor::Watch() {
  // A process that the worker left behind may hold the pipes open for ever: its own end counts, and
  // what it sent before lies in them by then.
  while (lines_.read >= 0 && !Reap(WNOHANG)) {
    Poll();
    const auto now = Clock::now();
    if (now - last_idle_ >= std::chrono::milliseconds(kTickMs)) {
      last_idle_ = now;
      listener_.OnIdle(page_.Read());
    }
    if (killed_) continue;
    Look();
    const auto over = [](Clock::duration spent, std::chrono::milliseconds limit) {
      return limit.count() != 0 && spent >= limit;
    };
    if (const int signal = InterruptGuard::Signal(); signal != 0)
      Kill(WorkerEnd::Kind::kInterrupted, signal);
    else if (over(silence_, options_.timeout))
      Kill(WorkerEnd::Kind::kTimeout, 0);
    else if (over(total_, options_.total_timeout))
      Kill(WorkerEnd::Kind::kTooLong, 0);
  }
  Reap(0);
  while (lines_.read >= 0 && HasMore(lines_.read) && ReadLines()) {
  }
  while (output_.read >= 0 && HasMore(output_.read) && ReadOutput()) {
  }
  end_.progress = page_.Read();
  return std::move(end_);
}

void Supervisor::Poll() {
  std::array<pollfd, 2> fds{{{lines_.read, POLLIN, 0}, {output_.read, POLLIN, 0}}};
  if (poll(fds.data(), fds.size(), kTickMs) <= 0) return;
  if (fds[1].revents != 0 && !ReadOutput()) output_.CloseRead();
  if (fds[0].revents != 0 && !ReadLines()) lines_.CloseRead();
}

bool Supervisor::ReadLines() {
  std::array<char, 65536> buffer;
  const ssize_t got = read(lines_.read, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) return false;
  partial_.append(buffer.data(), static_cast<size_t>(got));
  size_t begin = 0;
  for (size_t end; (end = partial_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    listener_.OnLine(std::string_view(partial_).substr(begin, end - begin));
  }
  partial_.erase(0, begin);
  if (partial_.size() > kMaxLine) partial_.clear();
  return true;
}

bool Supervisor::ReadOutput() {
  std::array<char, 4096> buffer;
  const ssize_t got = read(output_.read, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR;
  if (got == 0) return false;
  std::string& kept = end_.last_output;
  kept.append(buffer.data(), static_cast<size_t>(got));
  if (kept.size() > kKeptOutput) kept.erase(0, kept.size() - kKeptOutput);
  return true;
}

void Supervisor::Look() {
  const auto now = Clock::now();
  // A long step means that this process was stopped too, from a terminal for example.
  const auto step = std::min<Clock::duration>(now - last_look_, std::chrono::seconds(1));
  last_look_ = now;
  total_ += step;
  silence_ += step;
  const uint64_t beat = page_.Read().heartbeat;
  if (beat != last_beat_) silence_ = {};
  last_beat_ = beat;
}

void Supervisor::Kill(WorkerEnd::Kind kind, int signal) {
  killed_ = true;
  end_.kind = kind;
  end_.signal = signal;
  kill(pid_, SIGKILL);
}

bool Supervisor::Reap(int options) {
  if (reaped_) return true;
  int status = 0;
  pid_t ended = 0;
  while ((ended = waitpid(pid_, &status, options)) < 0 && errno == EINTR) {
  }
  if (ended == 0) return false;
  reaped_ = true;
  if (killed_) return true;
  if (WIFSIGNALED(status)) {
    end_.kind = WorkerEnd::Kind::kSignal;
    end_.signal = WTERMSIG(status);
  } else if (WEXITSTATUS(status) != 0) {
    end_.kind = WorkerEnd::Kind::kExited;
    end_.status = WEXITSTATUS(status);
  }
  return true;
}

Error SystemError(const char* what) {
  return Error{ErrorCode::kFailed, std::string(what) + ": " + std::strerror(errno)};
}

}  // namespace

void WorkerChannel::Send(std::string_view line) const {
  std::string text(line);
  text += '\n';
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t n = write(fd_, text.data() + sent, text.size() - sent);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    sent += static_cast<size_t>(n);
  }
}

Result<WorkerEnd> RunWorker(const WorkerOptions& options, ProgressPage& page,
                            const std::function<void(const WorkerChannel&)>& body,
                            WorkerListener& listener) {
  Pipe lines, output;
  if (!lines.Open() || !output.Open()) return tl::unexpected(SystemError("cannot make a pipe"));
  const InterruptGuard guard;
  std::fflush(nullptr);  // or both processes would write what is buffered
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return tl::unexpected(SystemError("cannot start the worker"));
  if (pid == 0) RunChild(parent, lines, output, body);
  lines.CloseWrite();
  output.CloseWrite();
  return Supervisor(pid, lines, output, options, page, listener).Watch();
}

}  // namespace vgpu
