#include "format/protocol/virtio_gpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace vgpu {

namespace {

enum CommandIndex : std::size_t {
#define VGPU_COMMAND(NAME, value, queue, feature, Request, OK_RESPONSE, Trailing) kIndexOf##NAME,
#include "format/protocol/virtio_gpu.def"
};

using namespace feature;
constexpr Queue control = Queue::kControl;
constexpr Queue cursor = Queue::kCursor;

constexpr CommandInfo kCommands[] = {
#define VGPU_COMMAND(NAME, value, queue, feature, Request, OK_RESPONSE, trailing)              \
  {CommandType::NAME, #NAME, queue, feature, sizeof(wire::Request), ResponseType::OK_RESPONSE, \
   Trailing::trailing},
#include "format/protocol/virtio_gpu.def"
};

}  // namespace

const CommandInfo* FindCommand(uint32_t type) {
  switch (type) {
#define VGPU_COMMAND(NAME, value, queue, feature, Request, OK_RESPONSE, Trailing) \
  case value:                                                                     \
    return &kCommands[kIndexOf##NAME];
#include "format/protocol/virtio_gpu.def"
  }
  return nullptr;
}

const CommandInfo* FindCommand(std::string_view name) {
  const auto* found = std::ranges::find(kCommands, name, &CommandInfo::name);
  return found == std::end(kCommands) ? nullptr : found;
}

std::string_view CommandName(CommandType type) {
  const auto value = static_cast<uint32_t>(type);
  if (const CommandInfo* info = FindCommand(value)) return info->name;
  thread_local std::array<char, 16> unknown;
  const auto end = fmt::format_to_n(unknown.data(), unknown.size(), "{:#06x}", value);
  return {unknown.data(), end.size};
}

std::optional<std::string_view> ResponseName(uint32_t type, uint32_t command) {
#define VGPU_RESPONSE_OF(COMMAND, NAME, value, Struct) \
  if (type == value && command == static_cast<uint32_t>(CommandType::COMMAND)) return #NAME;
#include "format/protocol/virtio_gpu.def"
  switch (type) {
#define VGPU_RESPONSE(NAME, value, Struct) \
  case value:                              \
    return #NAME;
#include "format/protocol/virtio_gpu.def"
  }
  return std::nullopt;
}

}  // namespace vgpu
