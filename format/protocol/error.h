// Errors are values: what kind, and a full sentence that names the place, the value and the limit.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace vgpu {

enum class ErrorCode {
  kUsage,        // wrong request by the user: exit code 2
  kUnreadable,   // a trace or golden set cannot be read: exit code 3
  kFailed,       // the replay, the renderer or the recorded program failed: exit code 4
  kUnavailable,  // something that this machine lacks (no GL, no QEMU): exit code 77
};

struct Error {
  ErrorCode code = ErrorCode::kFailed;
  std::string message;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = tl::expected<void, Error>;

inline tl::unexpected<Error> MakeError(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

}  // namespace vgpu
