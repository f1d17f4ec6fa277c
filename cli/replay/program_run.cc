#include "cli/replay/program_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace vgpu::cli {

namespace {

constexpr size_t kKeptError = 65536;
constexpr int kNotExecuted = 127;

volatile sig_atomic_t g_noted_signal = 0;
struct sigaction g_old_int, g_old_term;

void NoteSignal(int number) { g_noted_signal = number; }

struct Pipe {
  UniqueDescriptor read, write;
  bool Open() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) return false;
    read.Reset(fds[0]);
    write.Reset(fds[1]);
    return true;
  }
};

tl::unexpected<Error> SystemFails(const char* what) {
  return MakeError(ErrorCode::kFailed, fmt::format("{}: {}", what, std::strerror(errno)));
}

// In the child: never returns. Why the program is not executed goes to `report`.
[[noreturn]] void Execute(const ProgramCall& call, pid_t parent, int in, int out, int error,
                          int report) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kNotExecuted);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE}) signal(number, SIG_DFL);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(error, STDERR_FILENO);
  for (const auto& [name, value] : call.environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> argv;
  for (const std::string& word : call.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(argv.front(), argv.data());
  const int why = errno;
  [[maybe_unused]] const ssize_t told = write(report, &why, sizeof(why));
  _exit(kNotExecuted);
}

// Appends what there is; false at the end.
bool ReadSome(int fd, std::string& text) {
  std::array<char, 65536> buffer;
  const ssize_t got = read(fd, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR;
  text.append(buffer.data(), static_cast<size_t>(got));
  return got > 0;
}

}  // namespace

void UniqueDescriptor::Reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

SignalNotes::SignalNotes() {
  struct sigaction action {};
  action.sa_handler = NoteSignal;
  sigaction(SIGINT, &action, &g_old_int);
  sigaction(SIGTERM, &action, &g_old_term);
}

SignalNotes::~SignalNotes() {
  sigaction(SIGINT, &g_old_int, nullptr);
  sigaction(SIGTERM, &g_old_term, nullptr);
}

int NotedSignal() { return g_noted_signal; }

Result<std::unique_ptr<RunningProgram>> RunningProgram::Start(const ProgramCall& call) {
  Pipe in, out, error, report;
  if (!in.Open() || !out.Open() || !error.Open() || !report.Open()) {
    return SystemFails("no pipe is made");
  }
  std::fflush(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return SystemFails("no process is made");
  if (pid == 0) {
    Execute(call, parent, in.read.get(), out.write.get(), error.write.get(), report.write.get());
  }
  std::unique_ptr<RunningProgram> program(new RunningProgram());
  program->pid_ = pid;
  program->in_.Reset(dup(in.write.get()));
  program->out_.Reset(dup(out.read.get()));
  program->error_.Reset(dup(error.read.get()));
  for (const UniqueDescriptor* one : {&program->in_, &program->out_, &program->error_}) {
    fcntl(one->get(), F_SETFD, FD_CLOEXEC);
  }
  report.write.Reset();
  int why = 0;
  if (read(report.read.get(), &why, sizeof(why)) == sizeof(why)) {
    return MakeError(ErrorCode::kUsage, fmt::format("{} cannot be executed: {}", call.argv.front(),
                                                    std::strerror(why)));
  }
  return program;
}

RunningProgram::~RunningProgram() {
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  Reap();
}

void RunningProgram::SendLine() {
  // Where it has ended, its output tells.
  [[maybe_unused]] const ssize_t sent = write(in_.get(), "\n", 1);
}

bool RunningProgram::ReadMore() {
  std::array<pollfd, 2> fds{{{out_.get(), POLLIN, 0}, {error_.get(), POLLIN, 0}}};
  if (fds[0].fd < 0 && fds[1].fd < 0) return false;
  const int ready = poll(fds.data(), fds.size(), 200);
  if (g_noted_signal != 0 && !told_) {
    told_ = true;
    kill(pid_, SIGTERM);
  }
  if (ready <= 0) return true;
  if (fds[0].revents != 0 && !ReadSome(out_.get(), output_.out)) out_.Reset();
  if (fds[1].revents != 0 && !ReadSome(error_.get(), output_.error)) error_.Reset();
  if (output_.error.size() > kKeptError) {
    output_.error.erase(0, output_.error.size() - kKeptError);
  }
  return true;
}

bool RunningProgram::TakeLine() {
  size_t end = 0;
  while ((end = output_.out.find('\n')) == std::string::npos) {
    if (out_.get() < 0 || !ReadMore()) return false;
  }
  output_.out.erase(0, end + 1);
  return true;
}

ProgramOutput RunningProgram::Finish() {
  in_.Reset();
  while (ReadMore()) {
  }
  Reap();
  return std::move(output_);
}

void RunningProgram::Reap() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  output_.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace vgpu::cli
