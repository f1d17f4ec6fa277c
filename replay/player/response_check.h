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

ResponseCheck CheckResponse(Bytes recorded, Bytes replayed);

}  // namespace vgpu
