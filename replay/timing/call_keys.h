// What a profile's rows of commands are told apart by.
#pragma once

#include <string>

#include "format/protocol/virgl.h"

namespace vgpu {

// Of virtio-gpu commands: the type, or one of these, which no type is.
inline constexpr uint32_t kFences = UINT32_MAX;         // polls for fences
inline constexpr uint32_t kNoCommand = UINT32_MAX - 1;  // other calls between commands
inline constexpr uint32_t kUnknownCommand = UINT32_MAX - 2;
std::string CommandKeyName(uint32_t key);

// Of virgl commands: the command, and of CREATE_OBJECT the object; or what is no command.
inline constexpr uint32_t kFaultyVirgl = UINT32_MAX;
uint32_t VirglKey(const VirglCommand& command);
std::string VirglKeyName(uint32_t key);

}  // namespace vgpu
