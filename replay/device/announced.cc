#include "replay/device/announced.h"

namespace vgpu {

std::pair<uint32_t, ResourceShape> AnnouncedBy(std::span<const uint32_t> words) {
  return {words[10],
          {.target = words[0],
           .format = words[1],
           .bind = words[2],
           .width = words[3],
           .height = words[4],
           .depth = words[5],
           .array_size = words[6],
           .last_level = words[7],
           .nr_samples = words[8],
           .flags = words[9]}};
}

std::optional<ResourceShape> TakeAnnounced(AnnouncedShapes& announced, uint64_t blob_id) {
  const auto id = static_cast<uint32_t>(blob_id);
  const auto first = announced.lower_bound(id);
  if (first == announced.end() || first->first != id) return std::nullopt;
  return announced.extract(first).mapped();
}

}  // namespace vgpu
