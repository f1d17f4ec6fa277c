// What /proc and the kernel tell of the process behind a connection.
#pragma once

#include <sys/types.h>

#include "capture/io/unique_fd.h"
#include "format/trace/packet.pb.h"

namespace vgpu {

// A descriptor that becomes readable when the process ends; none where it has ended already.
UniqueFd OpenProcess(pid_t pid);

// What the program's name says of the kind of source: a vtest server, or else a VMM.
proto::SourceKind LikelySourceOf(pid_t pid);

}  // namespace vgpu
