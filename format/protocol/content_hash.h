// The identity of content: XXH3, 128 bits, in canonical (big-endian) byte order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "format/protocol/wire.h"

namespace vgpu {

using Digest = std::array<uint8_t, 16>;

Digest HashOf(Bytes bytes);

// Hash of bytes that lie in pieces; equal to HashOf over their concatenation.
class ContentHasher {
 public:
  ContentHasher();
  ~ContentHasher();
  ContentHasher(const ContentHasher&) = delete;
  ContentHasher& operator=(const ContentHasher&) = delete;
  void Add(Bytes bytes);
  Digest Finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string ToHex(const Digest& digest);

}  // namespace vgpu
