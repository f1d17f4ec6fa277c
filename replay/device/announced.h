// Resources that a stream announces by PIPE_RESOURCE_CREATE, until RESOURCE_CREATE_BLOB names them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "format/protocol/transfer_layout.h"

namespace vgpu {

// Of one context, by blob id, of which the library looks at the low 32 bits. Of one id the first
// comes first, as in the library.
using AnnouncedShapes = std::multimap<uint32_t, ResourceShape>;

// What a PIPE_RESOURCE_CREATE of these words (without its header) announces.
std::pair<uint32_t, ResourceShape> AnnouncedBy(std::span<const uint32_t> words);

// The one that a blob of this id is, which is announced no longer; nothing where there is none.
std::optional<ResourceShape> TakeAnnounced(AnnouncedShapes& announced, uint64_t blob_id);

}  // namespace vgpu
