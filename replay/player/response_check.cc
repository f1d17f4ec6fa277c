#include "replay/player/response_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/protocol/virtio_gpu.h"

namespace vgpu {

namespace {

using Outcome = ResponseCheck::Outcome;

std::string NameOf(uint32_t type, uint32_t command_type) {
  const auto name = ResponseName(type, command_type);
  return name ? std::string(*name) : fmt::format("{:#06x}", type);
}

// What the host's libraries and displays decide, not the command. Of our own device a trace holds
// what the displays said, and its UUIDs are the replay's.
bool IsEnvironment(uint32_t command_type, uint32_t type, KnownResults known) {
  if (command_type == static_cast<uint32_t>(CommandType::ALLOCATION_METADATA)) return false;
  switch (static_cast<ResponseType>(type)) {
    case ResponseType::OK_DISPLAY_INFO:
    case ResponseType::OK_EDID:
    case ResponseType::OK_RESOURCE_UUID:
      return known != KnownResults::kResponses;
    case ResponseType::OK_CAPSET_INFO:
    case ResponseType::OK_CAPSET:
    // The cache mode is the driver's; virglrenderer 0.10 answers what happens to lie on its stack.
    case ResponseType::OK_MAP_INFO:
      return true;
    default:
      return false;
  }
}

// Whether the call of virglrenderer behind a command returns nothing.
bool IsVoidCall(uint32_t command_type) {
  switch (static_cast<CommandType>(command_type)) {
    case CommandType::RESOURCE_UNREF:
    case CommandType::RESOURCE_DETACH_BACKING:
    case CommandType::CTX_DESTROY:
    case CommandType::CTX_ATTACH_RESOURCE:
    case CommandType::CTX_DETACH_RESOURCE:
      return true;
    default:
      return false;
  }
}

// Whether the return value behind the recorded response leaves room for any error.
bool AllowsAnyError(uint32_t command_type, uint32_t recorded) {
  if (recorded == static_cast<uint32_t>(ResponseType::ERR_UNSPEC)) return true;
  return recorded == static_cast<uint32_t>(ResponseType::OK_NODATA) && IsVoidCall(command_type);
}

}  // namespace

KnownResults KnownResultsOf(proto::SourceKind source) {
  return source == proto::SOURCE_DEVICE ? KnownResults::kResponses : KnownResults::kReturnValues;
}

ResponseCheck CheckResponse(uint32_t command_type, Bytes recorded, Bytes replayed,
                            KnownResults known) {
  const auto want = ReadStruct<wire::CtrlHeader>(recorded);
  if (!want) return {};
  const auto got = ReadStruct<wire::CtrlHeader>(replayed);
  if (!got) return {Outcome::kDifferent, "answered less than a header"};
  const uint32_t type = want->type;
  if (known == KnownResults::kReturnValues && IsErrorResponse(got->type) &&
      AllowsAnyError(command_type, type)) {
    return {Outcome::kEqual, ""};
  }
  if (got->type != type) {
    return {Outcome::kDifferent,
            fmt::format("answered {}, recorded {}", NameOf(got->type, command_type),
                        NameOf(type, command_type))};
  }
  const Bytes want_data = recorded.subspan(sizeof(wire::CtrlHeader));
  const Bytes got_data = replayed.subspan(sizeof(wire::CtrlHeader));
  if (std::ranges::equal(want_data, got_data)) return {Outcome::kEqual, ""};
  const std::string sizes =
      want_data.size() == got_data.size()
          ? fmt::format("{} bytes", got_data.size())
          : fmt::format("{} bytes, not {}", got_data.size(), want_data.size());
  return {IsEnvironment(command_type, type, known) ? Outcome::kEnvironment : Outcome::kDifferent,
          fmt::format("answered {} with other data than recorded ({})", NameOf(type, command_type),
                      sizes)};
}

}  // namespace vgpu
