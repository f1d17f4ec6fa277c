// What allocators have in common that take a part of a hole and merge it again: all but where they
// look for the hole.
//
// Holes is that: how holes are found. It gets a RangeTable, and has
//   void Clear();                                  forgets all holes
//   void Insert(uint32_t i), Erase(uint32_t i);    the hole's range is in the table
//   void Resize(uint32_t i, uint32_t begin, uint32_t granules);
//                                                  sets them; no other hole lies between old and
//                                                  new
//   uint32_t Find(const GranuleRequest&, Placement);  a hole that it fits into, or kNoRange
//   uint32_t Largest() const;                      granules; 0: there is no hole
#pragma once

#include "heap/range/granule_pool.h"
#include "heap/range/range_allocator.h"
#include "heap/range/range_table.h"

namespace vgpu {

template <class Holes>
class HoleAllocator final : public RangeAllocator {
 public:
  explicit HoleAllocator(const GranulePool& pool) : pool_(pool), holes_(ranges_) { Clear(); }

  std::optional<Allocation> Allocate(uint64_t size, uint64_t alignment,
                                     Placement placement) override;
  bool Free(const Allocation& allocation) override;
  RangeReport Report() const override;
  bool Reset(uint64_t pool_bytes) override;

 private:
  void Clear();
  // Cuts [begin, begin + granules) out of a hole, and is the number of that.
  uint32_t Cut(uint32_t hole, uint32_t begin, uint32_t granules);
  void MakeHole(uint32_t i);
  bool IsLive(const Allocation& allocation) const;

  GranulePool pool_;
  RangeTable ranges_;
  Holes holes_;
  RangeReport counts_;  // without the largest hole
};

template <class Holes>
std::optional<RangeAllocator::Allocation> HoleAllocator<Holes>::Allocate(uint64_t size,
                                                                         uint64_t alignment,
                                                                         Placement placement) {
  const auto request = pool_.Request(size, alignment);
  if (!request) return std::nullopt;
  const uint32_t hole = holes_.Find(*request, placement);
  if (hole == kNoRange) return std::nullopt;
  const uint64_t begin = placement == Placement::kLow ? LowStart(ranges_[hole], *request)
                                                      : HighStart(ranges_[hole], *request);
  const uint32_t live =
      Cut(hole, static_cast<uint32_t>(begin), static_cast<uint32_t>(request->granules));
  ranges_[live].state = RangeState::kLive;
  ranges_[live].bytes = size;
  counts_.used_bytes += size;
  counts_.reserved_bytes += pool_.Bytes(request->granules);
  ++counts_.allocations;
  return Allocation{pool_.Bytes(begin), size, live};
}

template <class Holes>
uint32_t HoleAllocator<Holes>::Cut(uint32_t hole, uint32_t begin, uint32_t granules) {
  const uint32_t hole_begin = ranges_[hole].begin;
  const uint32_t before = begin - hole_begin;
  const uint32_t after = ranges_[hole].granules - before - granules;
  if (before == 0 && after == 0) {
    holes_.Erase(hole);
    --counts_.holes;
    return hole;
  }
  const uint32_t cut = before ? ranges_.AddAfter(hole) : ranges_.AddBefore(hole);
  ranges_[cut].begin = begin;
  ranges_[cut].granules = granules;
  holes_.Resize(hole, before ? hole_begin : begin + granules, before ? before : after);
  if (before && after) {
    const uint32_t rest = ranges_.AddAfter(cut);
    ranges_[rest].begin = begin + granules;
    ranges_[rest].granules = after;
    MakeHole(rest);
  }
  return cut;
}

template <class Holes>
void HoleAllocator<Holes>::MakeHole(uint32_t i) {
  ranges_[i].state = RangeState::kHole;
  holes_.Insert(i);
  ++counts_.holes;
}

template <class Holes>
bool HoleAllocator<Holes>::IsLive(const Allocation& allocation) const {
  if (allocation.node >= ranges_.size()) return false;
  const Range& range = ranges_[allocation.node];
  return range.state == RangeState::kLive && pool_.Bytes(range.begin) == allocation.offset &&
         range.bytes == allocation.size;
}

template <class Holes>
bool HoleAllocator<Holes>::Free(const Allocation& allocation) {
  if (!IsLive(allocation)) return false;
  const uint32_t i = allocation.node;
  const Range range = ranges_[i];
  counts_.used_bytes -= range.bytes;
  counts_.reserved_bytes -= pool_.Bytes(range.granules);
  --counts_.allocations;
  const bool before = ranges_.IsHole(range.prev), after = ranges_.IsHole(range.next);
  if (!before && !after) {
    MakeHole(i);
    return true;
  }
  uint32_t granules = range.granules + (before ? ranges_[range.prev].granules : 0);
  if (after) granules += ranges_[range.next].granules;
  if (before && after) {
    holes_.Erase(range.next);
    ranges_.Remove(range.next);
    --counts_.holes;
  }
  ranges_.Remove(i);
  const uint32_t hole = before ? range.prev : range.next;
  holes_.Resize(hole, before ? ranges_[hole].begin : range.begin, granules);
  return true;
}

template <class Holes>
RangeReport HoleAllocator<Holes>::Report() const {
  RangeReport report = counts_;
  report.largest_hole = pool_.Bytes(holes_.Largest());
  return report;
}

template <class Holes>
bool HoleAllocator<Holes>::Reset(uint64_t pool_bytes) {
  const auto pool = GranulePool::Make(pool_bytes, pool_.granule());
  if (!pool) return false;
  pool_ = *pool;
  Clear();
  return true;
}

template <class Holes>
void HoleAllocator<Holes>::Clear() {
  ranges_.Reset(pool_.granules());
  holes_.Clear();
  holes_.Insert(0);
  counts_ = RangeReport{.pool_bytes = pool_.Bytes(pool_.granules()), .holes = 1};
}

}  // namespace vgpu
