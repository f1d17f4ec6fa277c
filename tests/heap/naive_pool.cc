#include "tests/heap/naive_pool.h"

#include <algorithm>
#include <bit>

namespace vgpu {
namespace {

using Allocation = RangeAllocator::Allocation;

uint64_t Down(uint64_t value, uint64_t alignment) { return value & ~(alignment - 1); }
uint64_t Up(uint64_t value, uint64_t alignment) { return Down(value + alignment - 1, alignment); }

bool Same(const Allocation& a, const Allocation& b) {
  return a.offset == b.offset && a.size == b.size && a.node == b.node;
}

std::string Differs(const char* what, uint64_t is, uint64_t expected) {
  if (is == expected) return "";
  return std::string(what) + " is " + std::to_string(is) + ", expected " +
         std::to_string(expected) + "; ";
}

}  // namespace

NaivePool::NaivePool(AllocatorKind kind, uint64_t pool_bytes, uint64_t granule)
    : kind_(kind), granule_(granule), granules_(pool_bytes / granule) {}

std::vector<NaivePool::Hole> NaivePool::Holes() const {
  std::vector<Hole> holes;
  uint64_t begin = 0;
  for (const Allocation& live : live_) {
    const uint64_t end = live.offset / granule_;
    if (end > begin) holes.push_back({begin, end});
    begin = end + GranulesOf(live.size);
  }
  if (granules_ > begin) holes.push_back({begin, granules_});
  return holes;
}

std::optional<uint64_t> NaivePool::Place(const Request& request, Placement placement) const {
  std::optional<Hole> chosen;
  for (const Hole& hole : Holes()) {
    if (Up(hole.begin, request.alignment) + request.granules > hole.end) continue;
    const bool better =
        placement == Placement::kTopDown ||
        (kind_ == AllocatorKind::kBestFit && chosen && hole.size() < chosen->size());
    if (!chosen || better) chosen = hole;
  }
  if (!chosen) return std::nullopt;
  return placement == Placement::kLow ? Up(chosen->begin, request.alignment)
                                      : Down(chosen->end - request.granules, request.alignment);
}

uint64_t NaivePool::BlockOf(const Request& request) const {
  return std::max(std::bit_ceil(request.granules),
                  std::min(request.alignment, std::bit_floor(granules_)));
}

std::string NaivePool::Refused(const Request& request, Placement placement) const {
  if (kind_ == AllocatorKind::kFirstFit || kind_ == AllocatorKind::kBestFit) {
    const auto place = Place(request, placement);
    return place ? "refused, but fits at granule " + std::to_string(*place) : "";
  }
  for (const Hole& hole : Holes()) {
    if (kind_ == AllocatorKind::kBuddy) {
      const uint64_t block = BlockOf(request);
      if (Up(hole.begin, block) + block <= hole.end) {
        return "refused, but the block at granule " + std::to_string(Up(hole.begin, block)) +
               " is free";
      }
    } else {
      const uint64_t with_room = request.granules + request.alignment - 1;
      if (hole.size() >= with_room + with_room / 32) {
        return "refused, but the hole at granule " + std::to_string(hole.begin) +
               " is larger by a 32nd";
      }
    }
  }
  return "";
}

std::string NaivePool::Granted(const Request& request, Placement placement,
                               const Allocation& allocation) const {
  const uint64_t begin = allocation.offset / granule_;
  if (allocation.offset % granule_ != 0 || begin % request.alignment != 0) {
    return "offset " + std::to_string(allocation.offset) + " is misaligned";
  }
  if (kind_ == AllocatorKind::kFirstFit || kind_ == AllocatorKind::kBestFit) {
    const auto place = Place(request, placement);
    if (!place) return "granted, but no hole fits";
    return Differs("granule", begin, *place);
  }
  uint64_t needs = request.granules;
  if (kind_ == AllocatorKind::kBuddy) {
    needs = BlockOf(request);
    if (begin % needs != 0) return "the block does not begin at a multiple of its size";
  }
  for (const Hole& hole : Holes()) {
    if (hole.begin <= begin && begin + needs <= hole.end) return "";
  }
  return "granules " + std::to_string(begin) + " and on, " + std::to_string(needs) +
         " of them, are not free";
}

std::string NaivePool::Allocated(uint64_t size, uint64_t alignment, Placement placement,
                                 const std::optional<Allocation>& answer) {
  if (size == 0 || !std::has_single_bit(alignment) || GranulesOf(size) > granules_) {
    return answer ? "granted what no allocator may grant" : "";
  }
  const Request request{GranulesOf(size), std::max<uint64_t>(alignment / granule_, 1)};
  if (!answer) return Refused(request, placement);
  if (answer->size != size) return Differs("size", answer->size, size);
  std::string wrong = Granted(request, placement, *answer);
  if (wrong.empty()) {
    live_.insert(std::ranges::upper_bound(live_, answer->offset, {}, &Allocation::offset), *answer);
  }
  return wrong;
}

std::string NaivePool::Freed(const Allocation& allocation, bool answer) {
  const auto found = std::ranges::lower_bound(live_, allocation.offset, {}, &Allocation::offset);
  const bool expected = found != live_.end() && Same(*found, allocation);
  if (answer != expected) return answer ? "freed what is not live" : "refused to free what is live";
  if (expected) live_.erase(found);
  return "";
}

std::string NaivePool::Reported(const RangeReport& report) const {
  uint64_t used = 0, reserved = 0, largest = 0;
  for (const Allocation& live : live_) {
    used += live.size;
    reserved += GranulesOf(live.size);
  }
  const auto holes = Holes();
  for (const Hole& hole : holes) largest = std::max(largest, hole.size());
  return Differs("pool", report.pool_bytes, granules_ * granule_) +
         Differs("used", report.used_bytes, used) +
         Differs("reserved", report.reserved_bytes, reserved * granule_) +
         Differs("allocations", report.allocations, live_.size()) +
         Differs("free", report.FreeBytes(), (granules_ - reserved) * granule_) +
         Differs("largest hole", report.largest_hole, largest * granule_) +
         Differs("holes", report.holes, holes.size());
}

}  // namespace vgpu
