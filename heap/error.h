// Why the heap refuses something.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace vgpu {

enum class HeapErrorCode { kOutOfMemory, kOutOfRange, kExists, kUnknown, kInvalid };

struct HeapError {
  HeapErrorCode code;
  std::string message;  // a sentence with the value and the limit
};

template <typename T>
using HeapResult = tl::expected<T, HeapError>;

}  // namespace vgpu
