// What a field means and how its value reads, for everything that prints: kinds and value names
// from values.def, struct layouts from virtio_gpu.def.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "format/protocol/virtio_gpu.h"

namespace vgpu {

enum class FieldKind : uint8_t {
#define VGPU_KIND(kName, word, form) kName,
#include "format/protocol/values.def"
};

enum class FieldForm : uint8_t {
  kUnsigned,
  kSigned,
  kHex,
  kFloat,
  kDouble,   // two dwords
  kWord,     // a value with a name
  kFlags,    // bits with names
  kText,     // bytes up to a NUL
  kData,     // bytes
  kPadding,  // shown only where it is not 0
};

FieldForm FormOf(FieldKind kind);

// The kind that virgl.def calls by this word.
std::optional<FieldKind> KindOf(std::string_view word);

// The name of a value of a kWord kind, formats and command types included.
std::optional<std::string_view> ValueName(FieldKind kind, uint32_t value);

// "RENDER_TARGET|SAMPLER_VIEW|0x400"; "0" for no bit.
std::string FlagNames(FieldKind kind, uint32_t value);

struct StructInfo;

// One field of a wire struct: `count` integers of `size` bytes, or structs.
struct FieldInfo {
  std::string_view name;
  FieldKind kind;
  uint16_t offset;
  uint16_t size;
  uint16_t count;  // 1 for a single value
  bool array;
  const StructInfo* nested;  // nullptr for integers
};

struct StructInfo {
  std::string_view name;
  std::size_t size;
  std::span<const FieldInfo> fields;
};

// The fixed struct of a request or response, or nullptr for an unknown type.
const StructInfo* RequestStruct(CommandType type);
const StructInfo* ResponseStruct(uint32_t type, uint32_t command = 0);  // as ResponseName
const StructInfo& MemEntryStruct();

}  // namespace vgpu
