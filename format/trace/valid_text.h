// Text in packets. A protobuf `string` must be UTF-8, or the packet cannot be parsed; program
// arguments, paths and markers are any bytes.
#pragma once

#include <optional>

#include "format/trace/packet.pb.h"

namespace vgpu {

// The packet with U+FFFD for each byte of its text that is not UTF-8; nothing where it is fine as
// it is. Bytes of guests are no text and stay.
std::optional<proto::Packet> WithValidText(const proto::Packet& packet);

}  // namespace vgpu
