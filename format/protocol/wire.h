// Little-endian integers as they lie on the wire.
//
// A Le<N> is an array of bytes with alignment 1, so structs made of them have no padding, need no
// pragma, and may be copied from any offset of a buffer. Values are read and written on any host.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace vgpu {

template <typename Int>
class LittleEndian {
 public:
  using Value = Int;

  constexpr LittleEndian() = default;
  constexpr LittleEndian(Int value) { Set(value); }  // NOLINT: a wire integer is an integer
  constexpr operator Int() const {                   // NOLINT
    Int value = 0;
    for (std::size_t i = 0; i < sizeof(Int); ++i) {
      value = static_cast<Int>(value | (static_cast<Int>(bytes_[i]) << (8 * i)));
    }
    return value;
  }

 private:
  constexpr void Set(Int value) {
    for (std::size_t i = 0; i < sizeof(Int); ++i) bytes_[i] = static_cast<uint8_t>(value >> (8 * i));
  }

  std::array<uint8_t, sizeof(Int)> bytes_{};
};

using le8 = uint8_t;
using le16 = LittleEndian<uint16_t>;
using le32 = LittleEndian<uint32_t>;
using le64 = LittleEndian<uint64_t>;

static_assert(sizeof(le64) == 8 && alignof(le64) == 1);

using Bytes = std::span<const std::byte>;

// The struct at `offset` of `bytes`, or nothing where it does not fit. Copies, so the result is
// safe from later changes of `bytes`.
template <typename Struct>
std::optional<Struct> ReadStruct(Bytes bytes, std::size_t offset = 0) {
  static_assert(std::is_trivially_copyable_v<Struct> && alignof(Struct) == 1);
  if (offset > bytes.size() || bytes.size() - offset < sizeof(Struct)) return std::nullopt;
  Struct out;
  std::memcpy(&out, bytes.data() + offset, sizeof(Struct));
  return out;
}

template <typename Struct>
Bytes StructBytes(const Struct& value) {
  static_assert(std::is_trivially_copyable_v<Struct> && alignof(Struct) == 1);
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace vgpu
