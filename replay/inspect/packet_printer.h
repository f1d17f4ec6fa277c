// Packets of a trace for people and programs.
#pragma once

#include <string>

#include "format/protocol/print.h"
#include "format/trace/packet.pb.h"

namespace vgpu {

struct PacketPrintOptions {
  PrintOptions protocol;
  bool json = false;  // one JSON object a packet, on one line
};

// Appends lines to `out`. `frame` is the one that a command works towards; `start_ns` is the
// trace's begin. A command is decoded down to its virgl commands; every other packet is printed
// field by field. Bytes are shown as protocol.data_bytes says, digests whole.
void PrintPacket(const proto::Packet& packet, uint64_t frame, uint64_t start_ns,
                 const PacketPrintOptions& options, std::string& out);

}  // namespace vgpu
