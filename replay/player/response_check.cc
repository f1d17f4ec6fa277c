#include "replay/player/response_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/protocol/virtio_gpu.h"

namespace vgpu {

namespace {

using Outcome = ResponseCheck::Outcome;

std::string NameOf(uint32_t type) {
  const auto name = ResponseName(type);
  return name ? std::string(*name) : fmt::format("{:#06x}", type);
}

// What the host's libraries and displays decide, not the command.
bool IsEnvironment(uint32_t type) {
  switch (static_cast<ResponseType>(type)) {
    case ResponseType::OK_DISPLAY_INFO:
    case ResponseType::OK_CAPSET_INFO:
    case ResponseType::OK_CAPSET:
    case ResponseType::OK_EDID:
    case ResponseType::OK_RESOURCE_UUID:
    // The cache mode is the driver's; virglrenderer 0.10 answers what happens to lie on its stack.
    case ResponseType::OK_MAP_INFO:
      return true;
    default:
      return false;
  }
}

}  // namespace

ResponseCheck CheckResponse(Bytes recorded, Bytes replayed, bool any_error) {
  const auto want = ReadStruct<wire::CtrlHeader>(recorded);
  if (!want) return {};
  const auto got = ReadStruct<wire::CtrlHeader>(replayed);
  if (!got) return {Outcome::kDifferent, "answered less than a header"};
  const uint32_t type = want->type;
  if (any_error && type == static_cast<uint32_t>(ResponseType::ERR_UNSPEC) &&
      IsErrorResponse(got->type)) {
    return {Outcome::kEqual, ""};
  }
  if (got->type != type) {
    return {Outcome::kDifferent,
            fmt::format("answered {}, recorded {}", NameOf(got->type), NameOf(type))};
  }
  const Bytes want_data = recorded.subspan(sizeof(wire::CtrlHeader));
  const Bytes got_data = replayed.subspan(sizeof(wire::CtrlHeader));
  if (std::ranges::equal(want_data, got_data)) return {Outcome::kEqual, ""};
  const std::string sizes =
      want_data.size() == got_data.size()
          ? fmt::format("{} bytes", got_data.size())
          : fmt::format("{} bytes, not {}", got_data.size(), want_data.size());
  return {IsEnvironment(type) ? Outcome::kEnvironment : Outcome::kDifferent,
          fmt::format("answered {} with other data than recorded ({})", NameOf(type), sizes)};
}

}  // namespace vgpu
