// What each kind of source cannot see, in sentences for the session packet and docs/CAPTURE.md.
#pragma once

#include <string_view>
#include <vector>

#include "format/trace/packet.pb.h"

namespace vgpu {

std::vector<std::string_view> BlindSpotsOf(proto::SourceKind source);

}  // namespace vgpu
