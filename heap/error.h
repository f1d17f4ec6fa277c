// Why the heap refuses something.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace vgpu {

enum class HeapErrorCode {
  kOutOfMemory,  // a budget, or the system
  kOutOfRange,
  kExists,
  kUnknown,
  kInvalid,
  kFull,  // the place that a policy put everything into: nothing that whoever asks did wrong
};

struct HeapError {
  HeapErrorCode code;
  std::string message;  // a sentence with the value and the limit
};

template <typename T>
using HeapResult = tl::expected<T, HeapError>;

}  // namespace vgpu
