// What a packet may make its parser allocate. A message of a few bytes can become many times as
// many in memory, so that fields are counted before it is parsed.
#pragma once

#include "format/protocol/wire.h"
#include "format/trace/packet.pb.h"

namespace vgpu {

// Whether a Packet in wire form stays within limits::kMaxFactBytes, the request and response of a
// command apart, and limits::kMaxPacketFields. May be false where it cannot be parsed.
bool WireWithinLimits(Bytes packet);
// The same of a blob's message, whose data Payload has measured.
bool BlobWireWithinLimits(Bytes blob);

// Whether a parsed packet refers to as many blobs as it may.
bool BlobsWithinLimits(const proto::Packet& packet);

}  // namespace vgpu
