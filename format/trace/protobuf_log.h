// Errors of this library are values: protobuf, which prints what it refuses to stderr, is kept
// quiet.
#pragma once

namespace vgpu {

// For the whole process, from the first call on. Thread-safe.
void SilenceProtobuf();

}  // namespace vgpu
