#include "format/protocol/fields.h"

#include <fmt/format.h>

#include <iterator>

#include "format/protocol/virgl.h"

namespace vgpu {

namespace {

struct Bit {
  FieldKind kind;
  uint32_t mask;
  std::string_view name;
};

constexpr Bit kBits[] = {
#define VGPU_BIT(kName, mask, NAME) {FieldKind::kName, mask, #NAME},
#include "format/protocol/values.def"
};

constexpr uint64_t Key(FieldKind kind, uint32_t value) {
  return uint64_t{static_cast<uint8_t>(kind)} << 32 | value;
}

// Each wire struct's layout; structs that nest others come after them in the table.
namespace layout {

#define VGPU_STRUCT(Name, size)                      \
  struct Name {                                      \
    using Wire = wire::Name;                         \
    static constexpr std::string_view kName = #Name; \
    static const StructInfo kInfo;                   \
    static constexpr FieldInfo kFields[] = {
#define VGPU_FIELD(type, name, kind) \
  {#name, FieldKind::kind, offsetof(Wire, name), sizeof(type), 1, false, nullptr},
#define VGPU_ARRAY(type, name, count, kind) \
  {#name, FieldKind::kind, offsetof(Wire, name), sizeof(type), count, true, nullptr},
#define VGPU_NESTED(Struct, name) \
  {#name, FieldKind::kNumber, offsetof(Wire, name), sizeof(wire::Struct), 1, false, &Struct::kInfo},
#define VGPU_NESTED_ARRAY(Struct, name, count)                                   \
  {#name, FieldKind::kNumber, offsetof(Wire, name), sizeof(wire::Struct), count, \
   true,  &Struct::kInfo},
#define VGPU_STRUCT_END(Name) \
  }                           \
  ;                           \
  }                           \
  ;
#include "format/protocol/virtio_gpu.def"

#define VGPU_STRUCT(Name, size) \
  constexpr StructInfo Name::kInfo = {Name::kName, sizeof(wire::Name), Name::kFields};
#include "format/protocol/virtio_gpu.def"

}  // namespace layout

}  // namespace

FieldForm FormOf(FieldKind kind) {
  switch (kind) {
#define VGPU_KIND(kName, word, form) \
  case FieldKind::kName:             \
    return FieldForm::form;
#include "format/protocol/values.def"
  }
  return FieldForm::kUnsigned;
}

std::optional<FieldKind> KindOf(std::string_view word) {
#define VGPU_KIND(kName, kind_word, form) \
  if (word == kind_word) return FieldKind::kName;
#include "format/protocol/values.def"
  return std::nullopt;
}

std::optional<std::string_view> ValueName(FieldKind kind, uint32_t value) {
  if (kind == FieldKind::kFormat) return FormatName(value);
  if (kind == FieldKind::kCommandType) {
    const CommandInfo* command = FindCommand(value);
    return command != nullptr ? std::optional(command->name) : ResponseName(value);
  }
  switch (Key(kind, value)) {
#define VGPU_VALUE(kName, value, NAME) \
  case Key(FieldKind::kName, value):   \
    return #NAME;
#include "format/protocol/values.def"
  }
  return std::nullopt;
}

std::string FlagNames(FieldKind kind, uint32_t value) {
  std::string out;
  for (const Bit& bit : kBits) {
    if (bit.kind != kind || (value & bit.mask) == 0) continue;
    fmt::format_to(std::back_inserter(out), "{}{}", out.empty() ? "" : "|", bit.name);
    value &= ~bit.mask;
  }
  if (value != 0) fmt::format_to(std::back_inserter(out), "{}{:#x}", out.empty() ? "" : "|", value);
  return out.empty() ? "0" : out;
}

const StructInfo* RequestStruct(CommandType type) {
  switch (type) {
#define VGPU_COMMAND(NAME, value, queue, feature, Request, OK_RESPONSE, Trailing) \
  case CommandType::NAME:                                                         \
    return &layout::Request::kInfo;
#include "format/protocol/virtio_gpu.def"
  }
  return nullptr;
}

const StructInfo* ResponseStruct(uint32_t type, uint32_t command) {
#define VGPU_RESPONSE_OF(COMMAND, NAME, value, Struct)                           \
  if (type == value && command == static_cast<uint32_t>(CommandType::COMMAND)) { \
    return &layout::Struct::kInfo;                                               \
  }
#include "format/protocol/virtio_gpu.def"
  switch (type) {
#define VGPU_RESPONSE(NAME, value, Struct) \
  case value:                              \
    return &layout::Struct::kInfo;
#include "format/protocol/virtio_gpu.def"
  }
  return nullptr;
}

const StructInfo& MemEntryStruct() { return layout::MemEntry::kInfo; }

}  // namespace vgpu
