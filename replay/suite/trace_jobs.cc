#include "replay/suite/trace_jobs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>

#include "replay/worker/interrupt_guard.h"

namespace vgpu {

namespace {

using JobClock = std::chrono::steady_clock;

constexpr int kJobTickMs = 100;

void SendText(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = write(fd, text.data(), text.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return;  // the parent is gone, and this process with it
    text.remove_prefix(static_cast<size_t>(sent));
  }
}

// One process, and what it has told so far.
struct Job {
  const PlannedTrace* trace = nullptr;
  pid_t pid = -1;
  int fd = -1;
  std::string text;
  JobClock::time_point begin = JobClock::now();
};

[[noreturn]] void RunJob(pid_t parent, int fd, const PlannedTrace& trace,
                         const TraceReplay& replay) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  // Ctrl-C is the parent's: it ends this process and its worker together.
  setpgid(0, 0);
  signal(SIGPIPE, SIG_IGN);
  SuiteResult result;
  try {
    result.traces.push_back(replay(trace));
  } catch (const std::exception& error) {
    TraceResult& failed = result.traces.emplace_back();
    failed.name = trace.name;
    failed.status = TraceStatus::kError;
    failed.exit_code = 4;
    failed.message = error.what();
  }
  SendText(fd, ToJson(result));
  _exit(0);
}

class Pool {
 public:
  Pool(const TraceReplay& replay, const TraceJobsOptions& options, TraceJobsListener& listener)
      : replay_(replay), options_(options), listener_(listener) {}
  ~Pool() {
    for (Job& job : jobs_) End(job);
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  Result<TraceJobsEnd> Run(const std::vector<PlannedTrace>& traces);

 private:
  Status Start(const PlannedTrace& trace);
  void Wait();
  void Read(Job& job);
  // Whether it has ended; its status then.
  static std::optional<int> Reap(const Job& job);
  void Finish(Job job, int status);
  static void End(Job& job);

  const TraceReplay& replay_;
  const TraceJobsOptions& options_;
  TraceJobsListener& listener_;
  std::vector<Job> jobs_;
  uint64_t finished_ = 0;
  bool failed_ = false;
};

Result<TraceJobsEnd> Pool::Run(const std::vector<PlannedTrace>& traces) {
  const InterruptGuard guard;
  size_t next = 0;
  while (next < traces.size() || !jobs_.empty()) {
    if (InterruptGuard::Signal() != 0 || (failed_ && options_.fail_fast)) break;
    if (next < traces.size() && jobs_.size() < options_.jobs) {
      if (const Status status = Start(traces[next++]); !status) {
        return tl::unexpected(status.error());
      }
      continue;
    }
    Wait();
    listener_.OnIdle();
  }
  return TraceJobsEnd{InterruptGuard::Signal(), traces.size() - finished_};
}

Status Pool::Start(const PlannedTrace& trace) {
  const auto failed = [](const char* what) {
    return MakeError(ErrorCode::kFailed, fmt::format("{}: {}", what, strerror(errno)));
  };
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return failed("cannot make a pipe");
  std::fflush(nullptr);  // or both processes would write what is buffered
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    const Status status = failed("cannot start a process");
    for (const int fd : fds) close(fd);
    return status;
  }
  if (pid == 0) {
    close(fds[0]);
    RunJob(parent, fds[1], trace, replay_);
  }
  setpgid(pid, pid);  // whoever of the two comes first
  close(fds[1]);
  jobs_.push_back({&trace, pid, fds[0], "", JobClock::now()});
  listener_.OnStarted(trace);
  return {};
}

void Pool::Wait() {
  std::vector<pollfd> fds;
  for (const Job& job : jobs_) fds.push_back({job.fd, POLLIN, 0});
  if (poll(fds.data(), fds.size(), kJobTickMs) > 0) {
    for (size_t i = 0; i < jobs_.size(); ++i) {
      if (fds[i].revents != 0) Read(jobs_[i]);
    }
  }
  for (size_t i = 0; i < jobs_.size();) {
    const auto status = Reap(jobs_[i]);
    if (!status) {
      ++i;
      continue;
    }
    Job ended = std::move(jobs_[i]);
    jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(i));
    Finish(std::move(ended), *status);
  }
}

void Pool::Read(Job& job) {
  std::array<char, 65536> buffer;
  const ssize_t got = read(job.fd, buffer.data(), buffer.size());
  if (got > 0) {
    job.text.append(buffer.data(), static_cast<size_t>(got));
  } else if (got == 0) {
    close(job.fd);
    job.fd = -1;  // nobody holds the other end any more: the process is ending
  }
}

std::optional<int> Pool::Reap(const Job& job) {
  int status = 0;
  const pid_t ended = waitpid(job.pid, &status, job.fd < 0 ? 0 : WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return std::nullopt;
  return status;
}

void Pool::Finish(Job job, int status) {
  for (pollfd more{job.fd, POLLIN, 0}; job.fd >= 0 && poll(&more, 1, 0) == 1;) Read(job);
  if (job.fd >= 0) close(job.fd);
  kill(-job.pid, SIGKILL);  // a worker that outlived it
  auto told = SuiteResultOf(job.text, "the process that replayed it");
  TraceResult result;
  if (told && told->traces.size() == 1) {
    result = std::move(told->traces[0]);
  } else {
    result.name = job.trace->name;
    result.trace = job.trace->file.string();
    result.status = TraceStatus::kError;
    result.exit_code = 4;
    result.message = WIFSIGNALED(status)
                         ? fmt::format("the process that watches its replay died of SIG{}",
                                       sigabbrev_np(WTERMSIG(status)))
                         : "the process that watches its replay ended without a result";
    result.seconds = std::chrono::duration<double>(JobClock::now() - job.begin).count();
  }
  ++finished_;
  failed_ = failed_ || !IsGood(result.status);
  listener_.OnFinished(*job.trace, std::move(result));
}

void Pool::End(Job& job) {
  kill(-job.pid, SIGKILL);
  kill(job.pid, SIGKILL);
  while (waitpid(job.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (job.fd >= 0) close(job.fd);
}

}  // namespace

Result<TraceJobsEnd> RunTraceJobs(const std::vector<PlannedTrace>& traces,
                                  const TraceReplay& replay, const TraceJobsOptions& options,
                                  TraceJobsListener& listener) {
  return Pool(replay, options, listener).Run(traces);
}

}  // namespace vgpu
