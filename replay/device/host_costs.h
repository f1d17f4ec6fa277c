// What a guest's things are thought to take in the host beside their pixels and bytes, for
// DeviceOptions::max_host_memory. Measured as growth of the resident set, virglrenderer 0.10.4 on
// llvmpipe (Mesa 22.3.6), 400 contexts and 4000 resources; rounded up.
#pragma once

#include <cstdint>

#include "format/protocol/transfer_layout.h"

namespace vgpu::host_costs {

// A GL context: 2.4 MB, which a context has, and each further sub-context that a stream makes.
inline constexpr uint64_t kContext = 5u << 19;
// The smallest texture: 519 bytes; a buffer: 394 bytes; and our own entry.
inline constexpr uint64_t kResource = 1024;
// That a resource may be used in a context, or is announced in one: an entry of a hash table here
// and one in the library.
inline constexpr uint64_t kEntry = 128;

// About what the renderer takes for a resource: the library itself accepts any size, and a guest
// that asks for more than the machine has takes the host's processes down.
uint64_t OfResource(const ResourceShape& shape);
// The same of one that is announced, with its entry.
uint64_t OfAnnounced(const ResourceShape& shape);

}  // namespace vgpu::host_costs
