// The signals that vgpu-capture itself gets while it records.
#pragma once

#include <memory>
#include <optional>

#include "capture/io/unique_fd.h"
#include "format/protocol/error.h"

namespace vgpu {

// From its making on, signals that would end this process come through descriptor(), and a write
// that fails (no reader, file too large) is an error and no signal. Make one before threads and
// children; it keeps what was inherited, for the children.
class SignalReader {
 public:
  static Result<std::unique_ptr<SignalReader>> Create();
  ~SignalReader();

  int descriptor() const { return fd_.get(); }

  struct Arrived {
    int signal;
    // The terminal sent it to the whole process group, the recorded program too.
    bool from_terminal;
  };
  std::optional<Arrived> Next();

 private:
  explicit SignalReader(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// In a forked child: undoes what SignalReader::Create did.
void RestoreInheritedSignals();

}  // namespace vgpu
