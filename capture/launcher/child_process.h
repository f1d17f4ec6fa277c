// Starts a program and learns how it ends.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "capture/io/unique_fd.h"
#include "capture/recorder/recorder.h"
#include "format/protocol/error.h"

namespace vgpu {

struct ChildOptions {
  std::vector<std::string> argv;  // the program first, found in PATH as a shell does
  // Changes to the environment; nothing instead of a value removes the variable.
  std::vector<std::pair<std::string, std::optional<std::string>>> environment;
  int output = -1;                // a descriptor for stdout and stderr; -1: those of this process
  bool own_group = false;         // a process group of its own: the terminal's signals pass it by
  bool dies_with_parent = false;  // SIGTERM when this process dies
};

// The program's path as a shell would find it. kUsage where there is none.
Result<std::string> FindProgram(const std::string& name);

class ChildProcess {
 public:
  // The child starts with the signal dispositions and mask that this process had at its start.
  // kUsage where the program cannot be executed.
  static Result<std::unique_ptr<ChildProcess>> Start(const ChildOptions& options);
  // Does not end the child.
  ~ChildProcess() = default;

  pid_t pid() const { return pid_; }
  // Readable when the child has ended; -1 where the kernel has no such descriptors (before 5.3, or
  // behind a filter of system calls). Then TryReap is what tells.
  int descriptor() const { return pidfd_.get(); }
  // How it ended, or nothing while it runs.
  std::optional<ProgramEnd> TryReap();
  void Signal(int signal) const;

 private:
  ChildProcess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid_;
  UniqueFd pidfd_;
  std::optional<ProgramEnd> end_;
};

// What a shell would return: the exit status, or 128 and the signal.
int ShellStatusOf(const ProgramEnd& end);

}  // namespace vgpu
