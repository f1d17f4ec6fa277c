#include "replay/timing/call_keys.h"

namespace vgpu {

namespace {

constexpr uint32_t kCreateObjectCommand = 1;

}  // namespace

uint32_t VirglKey(const VirglCommand& command) {
  const bool makes = command.info->value == kCreateObjectCommand;
  return command.info->value | (makes ? command.object << 8 : 0);
}

std::string VirglKeyName(uint32_t key) {
  if (key == kFaultyVirgl) return "(faulty)";
  const std::string name(FindVirglCommand(key & 0xff)->name);
  if ((key & 0xff) != kCreateObjectCommand) return name;
  return name + " " + std::string(VirglObjectName(key >> 8));
}

std::string CommandKeyName(uint32_t key) {
  if (key == kFences) return "(fences)";
  if (key == kNoCommand) return "(no command)";
  if (key == kUnknownCommand) return "(unknown)";
  return std::string(CommandName(static_cast<CommandType>(key)));
}

}  // namespace vgpu
