// Compares a replayed response with the recorded one.
#pragma once

#include <string>

#include "format/protocol/wire.h"

namespace vgpu {

struct ResponseCheck {
  enum class Outcome {
    kNotCompared,  // nothing recorded to compare with
    kEqual,
    kEnvironment,  // differs in what the host decides: capsets, display info, EDID, UUIDs
    kDifferent,
  };
  Outcome outcome = Outcome::kNotCompared;
  std::string what;  // "answered ERR_UNSPEC, recorded OK_NODATA"; empty where equal
};

// `any_error`: the source knows only that a command failed, not with which error, and has ERR_UNSPEC
// for each (a shim sees return values of a library, not responses).
ResponseCheck CheckResponse(Bytes recorded, Bytes replayed, bool any_error);

}  // namespace vgpu
