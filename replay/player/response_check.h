// Compares a replayed response with the recorded one.
#pragma once

#include <string>

#include "format/protocol/wire.h"
#include "format/trace/packet.pb.h"

namespace vgpu {

struct ResponseCheck {
  enum class Outcome {
    kNotCompared,  // nothing recorded to compare with
    kEqual,
    kEnvironment,  // differs in what the host decides: capsets, map info; and, where the source did
                   // not say what its device was told: display info, EDID, UUIDs
    kDifferent,
  };
  Outcome outcome = Outcome::kNotCompared;
  std::string what;  // "answered ERR_UNSPEC, recorded OK_NODATA"; empty where equal
};

// What the source of a recording knows of a command's result.
enum class KnownResults {
  kResponses,  // what the device answered
  // What a library call returned: that it failed, for which ERR_UNSPEC stands, but not with which
  // error; and of calls that return nothing, only that they were made, for which OK_NODATA stands.
  kReturnValues,
};

KnownResults KnownResultsOf(proto::SourceKind source);

// `command_type`: of the request, raw.
ResponseCheck CheckResponse(uint32_t command_type, Bytes recorded, Bytes replayed,
                            KnownResults known);

}  // namespace vgpu
