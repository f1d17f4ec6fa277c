#include "capture/launcher/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "capture/launcher/signals.h"
#include "capture/recorder/peer_process.h"

namespace vgpu {

namespace fs = std::filesystem;

namespace {

constexpr int kExecFailed = 127;

bool IsExecutable(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
}

void ApplyEnvironment(const ChildOptions& options) {
  for (const auto& [name, value] : options.environment) {
    if (value) {
      setenv(name.c_str(), value->c_str(), 1);
    } else {
      unsetenv(name.c_str());
    }
  }
}

// In the child: never returns. An error number goes to `report`.
[[noreturn]] void Execute(const ChildOptions& options, const std::string& program, pid_t parent,
                          int report) {
  RestoreInheritedSignals();
  if (options.own_group) setpgid(0, 0);
  if (options.dies_with_parent) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(kExecFailed);
  }
  if (options.output >= 0) {
    dup2(options.output, STDOUT_FILENO);
    dup2(options.output, STDERR_FILENO);
  }
  ApplyEnvironment(options);
  std::vector<char*> argv;
  for (const std::string& word : options.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  const int error = errno;
  [[maybe_unused]] const ssize_t told = write(report, &error, sizeof(error));
  _exit(kExecFailed);
}

}  // namespace

Result<std::string> FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    std::error_code error;
    if (IsExecutable(name)) return name;
    const char* why = fs::exists(name, error) ? "is not an executable file" : "does not exist";
    return MakeError(ErrorCode::kUsage, fmt::format("{} {}", name, why));
  }
  const char* path = getenv("PATH");
  std::string rest = path != nullptr ? path : "/usr/bin:/bin";
  while (!name.empty() && !rest.empty()) {
    const size_t colon = rest.find(':');
    const std::string folder = rest.substr(0, colon);
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
    const fs::path candidate = fs::path(folder.empty() ? "." : folder) / name;
    if (IsExecutable(candidate)) return candidate.string();
  }
  return MakeError(ErrorCode::kUsage, fmt::format("there is no program '{}' in PATH", name));
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::Start(const ChildOptions& options) {
  const auto program = FindProgram(options.argv.front());
  if (!program) return tl::unexpected(program.error());
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("no pipe can be made: {}", std::strerror(errno)));
  }
  UniqueFd report_read(report[0]);
  UniqueFd report_write(report[1]);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("no process can be made: {}", std::strerror(errno)));
  }
  if (pid == 0) Execute(options, *program, parent, report_write.get());
  report_write.Reset();
  int error = 0;
  if (read(report_read.get(), &error, sizeof(error)) == sizeof(error)) {
    waitpid(pid, nullptr, 0);
    return MakeError(ErrorCode::kUsage,
                     fmt::format("{} cannot be executed: {}", *program, std::strerror(error)));
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, OpenProcess(pid)));
}

std::optional<ProgramEnd> ChildProcess::TryReap() {
  int status = 0;
  if (end_ || waitpid(pid_, &status, WNOHANG) != pid_) return end_;
  end_.emplace();
  end_->exited = WIFEXITED(status);
  if (WIFEXITED(status)) end_->status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end_->signal = WTERMSIG(status);
  return end_;
}

void ChildProcess::Signal(int signal) const {
  if (!end_) kill(pid_, signal);
}

int ShellStatusOf(const ProgramEnd& end) { return end.exited ? end.status : 128 + end.signal; }

}  // namespace vgpu
