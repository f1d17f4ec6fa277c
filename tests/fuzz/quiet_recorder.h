// A recorder that takes every connection and reads nothing, so that a device that records never
// waits for it: what its small rings have no room for is dropped.
#pragma once

#include <string>

namespace vgpu::fuzz {

// Starts it in a process of its own, which ends with this one. Its socket's path.
std::string StartQuietRecorder();

}  // namespace vgpu::fuzz
