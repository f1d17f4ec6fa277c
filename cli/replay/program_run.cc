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

volatile sig_atomic_t g_ended_by = 0;

void NoteSignal(int number) { g_ended_by = number; }

// SIGINT and SIGTERM are noted while it lives.
class SignalNotes {
 public:
  SignalNotes() {
    struct sigaction action {};
    action.sa_handler = NoteSignal;
    sigaction(SIGINT, &action, &old_int_);
    sigaction(SIGTERM, &action, &old_term_);
  }
  ~SignalNotes() {
    sigaction(SIGINT, &old_int_, nullptr);
    sigaction(SIGTERM, &old_term_, nullptr);
  }
  SignalNotes(const SignalNotes&) = delete;
  SignalNotes& operator=(const SignalNotes&) = delete;

 private:
  struct sigaction old_int_ {
  }, old_term_{};
};

// Both ends of a pipe, closed with the object.
struct PipeEnds {
  int read = -1, write = -1;
  PipeEnds() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) return;
    read = fds[0];
    write = fds[1];
  }
  ~PipeEnds() {
    Close(read);
    Close(write);
  }
  PipeEnds(const PipeEnds&) = delete;
  PipeEnds& operator=(const PipeEnds&) = delete;
  static void Close(int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
};

tl::unexpected<Error> SystemFails(const char* what) {
  return MakeError(ErrorCode::kFailed, fmt::format("{}: {}", what, std::strerror(errno)));
}

// In the child: never returns. Why the program is not executed goes to `report`.
[[noreturn]] void Execute(const ProgramCall& call, pid_t parent, const PipeEnds& out,
                          const PipeEnds& error, const PipeEnds& report) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kNotExecuted);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE}) signal(number, SIG_DFL);
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0) close(STDIN_FILENO);
  dup2(out.write, STDOUT_FILENO);
  dup2(error.write, STDERR_FILENO);
  for (const auto& [name, value] : call.environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> argv;
  for (const std::string& word : call.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(argv.front(), argv.data());
  const int why = errno;
  [[maybe_unused]] const ssize_t told = write(report.write, &why, sizeof(why));
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

void Gather(pid_t pid, PipeEnds& out, PipeEnds& error, ProgramOutput& output) {
  bool told = false;
  while (out.read >= 0 || error.read >= 0) {
    std::array<pollfd, 2> fds{{{out.read, POLLIN, 0}, {error.read, POLLIN, 0}}};
    const int ready = poll(fds.data(), fds.size(), 200);
    if (g_ended_by != 0 && !told) {
      told = true;
      kill(pid, SIGTERM);
    }
    if (ready <= 0) continue;
    if (fds[0].revents != 0 && !ReadSome(out.read, output.out)) PipeEnds::Close(out.read);
    if (fds[1].revents != 0 && !ReadSome(error.read, output.error)) PipeEnds::Close(error.read);
    if (output.error.size() > kKeptError) {
      output.error.erase(0, output.error.size() - kKeptError);
    }
  }
}

}  // namespace

int InterruptedBy() { return g_ended_by; }

Result<ProgramOutput> RunProgram(const ProgramCall& call) {
  PipeEnds out, error, report;
  if (report.write < 0 || out.write < 0 || error.write < 0) return SystemFails("no pipe is made");
  const SignalNotes notes;
  std::fflush(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return SystemFails("no process is made");
  if (pid == 0) Execute(call, parent, out, error, report);
  for (PipeEnds* ends : {&out, &error, &report}) PipeEnds::Close(ends->write);
  ProgramOutput output;
  Gather(pid, out, error, output);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  int why = 0;
  if (read(report.read, &why, sizeof(why)) == sizeof(why)) {
    return MakeError(ErrorCode::kUsage, fmt::format("{} cannot be executed: {}", call.argv.front(),
                                                    std::strerror(why)));
  }
  output.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return output;
}

}  // namespace vgpu::cli
