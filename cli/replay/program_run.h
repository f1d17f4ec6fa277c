// Runs a program and gathers what it writes.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "format/protocol/error.h"

namespace vgpu::cli {

struct ProgramCall {
  std::vector<std::string> argv;  // the program's path first
  // Variables that it has beside this process's, or in their place.
  std::vector<std::pair<std::string, std::string>> environment;
};

// Closed with the object.
class UniqueDescriptor {
 public:
  explicit UniqueDescriptor(int fd = -1) : fd_(fd) {}
  ~UniqueDescriptor() { Reset(); }
  UniqueDescriptor(const UniqueDescriptor&) = delete;
  UniqueDescriptor& operator=(const UniqueDescriptor&) = delete;
  int get() const { return fd_; }
  void Reset(int fd = -1);

 private:
  int fd_;
};

struct ProgramOutput {
  int status = 0;     // its exit status; 128 and the signal that it died of
  std::string out;    // stdout, what was not taken as lines
  std::string error;  // the end of stderr
};

// It gets SIGTERM when this process dies, or when a signal was noted (SignalNotes).
class RunningProgram {
 public:
  // kUsage where it cannot be executed.
  static Result<std::unique_ptr<RunningProgram>> Start(const ProgramCall& call);
  // Ends it, where it runs.
  ~RunningProgram();
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  // A line to its stdin, an empty one.
  void SendLine();
  // Takes the next line of its stdout. False where that has ended.
  bool TakeLine();
  // Reads all the rest, and waits for its end.
  ProgramOutput Finish();

 private:
  RunningProgram() = default;
  // Reads what comes next; false where both streams have ended.
  bool ReadMore();
  void Reap();

  pid_t pid_ = -1;
  UniqueDescriptor in_, out_, error_;
  bool told_ = false;  // to end
  ProgramOutput output_;
};

// While it lives, SIGINT and SIGTERM do not end this process: they are noted.
class SignalNotes {
 public:
  SignalNotes();
  ~SignalNotes();
  SignalNotes(const SignalNotes&) = delete;
  SignalNotes& operator=(const SignalNotes&) = delete;
};
int NotedSignal();  // the last one; 0: none

}  // namespace vgpu::cli
