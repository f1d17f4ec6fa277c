#include "format/protocol/virgl.h"

#include <fmt/format.h>

#include <array>

namespace vgpu {

namespace {

constexpr std::array kCommands = {
#define VGPU_VIRGL_COMMAND(NAME, value, min_length, fields) \
  VirglCommandInfo{value, #NAME, min_length, fields},
#include "format/protocol/virgl.def"
};

constexpr std::array kObjects = {
#define VGPU_VIRGL_OBJECT(NAME, value, min_length, fields) \
  VirglObjectInfo{value, #NAME, min_length, fields},
#include "format/protocol/virgl.def"
};

// A row's place is its value, so that looking up is indexing.
template <typename Rows>
constexpr bool InOrder(const Rows& rows) {
  for (uint32_t i = 0; i < rows.size(); ++i) {
    if (rows[i].value != i) return false;
  }
  return true;
}
static_assert(InOrder(kCommands) && InOrder(kObjects));

constexpr uint32_t kCreateObject = 1;

// What CREATE_OBJECT demands depends on the object.
Status CheckObject(uint32_t object, uint32_t length, uint32_t offset) {
  const VirglObjectInfo* info = FindVirglObject(object);
  if (info == nullptr || info->value == 0) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("dword {}: CREATE_OBJECT of object type {}, the last known is {}",
                                 offset, object, kObjects.back().value));
  }
  if (length < info->min_length) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("dword {}: CREATE_OBJECT {} has {} dwords, it needs {}", offset,
                                 info->name, length, info->min_length));
  }
  return {};
}

Result<VirglCommand> CommandAt(std::span<const uint32_t> stream, uint32_t offset) {
  const uint32_t header = stream[offset];
  const uint32_t length = header >> 16;
  const VirglCommandInfo* info = FindVirglCommand(header & 0xff);
  if (info == nullptr) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("dword {}: command {} is unknown, the last known is {}", offset,
                                 header & 0xff, kCommands.back().value));
  }
  const std::size_t left = stream.size() - offset - 1;
  if (length > left) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("dword {}: {} has {} dwords, but the stream ends after {}", offset,
                                 info->name, length, left));
  }
  if (length < info->min_length) {
    return MakeError(ErrorCode::kFailed, fmt::format("dword {}: {} has {} dwords, it needs {}",
                                                     offset, info->name, length, info->min_length));
  }
  const uint32_t object = (header >> 8) & 0xff;
  if (info->value == kCreateObject) {
    if (Status ok = CheckObject(object, length, offset); !ok) return tl::unexpected(ok.error());
  }
  return VirglCommand{info, object, offset, stream.subspan(offset + 1, length)};
}

}  // namespace

const VirglCommandInfo* FindVirglCommand(uint32_t value) {
  return value < kCommands.size() ? &kCommands[value] : nullptr;
}

const VirglObjectInfo* FindVirglObject(uint32_t object) {
  return object < kObjects.size() ? &kObjects[object] : nullptr;
}

std::string_view VirglObjectName(uint32_t object) {
  const VirglObjectInfo* info = FindVirglObject(object);
  return info != nullptr ? info->name : "UNKNOWN";
}

Status WalkVirgl(std::span<const uint32_t> stream,
                 const std::function<void(const VirglCommand&)>& visit) {
  for (std::size_t offset = 0; offset < stream.size();) {
    const Result<VirglCommand> command = CommandAt(stream, static_cast<uint32_t>(offset));
    if (!command) return tl::unexpected(command.error());
    visit(*command);
    offset += 1 + command->words.size();
  }
  return {};
}

}  // namespace vgpu
