#include "heap/layout/smallest_pool.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "heap/layout/pool_run.h"

namespace vgpu {

namespace {

class Search {
 public:
  Search(std::span<const AllocationLog* const> logs, const AllocationStrategy& strategy,
         uint64_t max_events)
      : logs_(logs.begin(), logs.end()), runner_(strategy), max_events_(max_events) {
    for (const AllocationLog* log : logs_) floor_ = std::max(floor_, log->peak().bytes);
  }

  SmallestPool Find();

 private:
  bool Serves(uint64_t pool);
  bool IsSpent() const { return runner_.events_run() >= max_events_; }
  std::optional<uint64_t> BytesInAnyPool();
  uint64_t SomePoolThatServes();
  uint64_t Room() const;

  std::vector<const AllocationLog*> logs_;  // the one that failed last comes first
  PoolRunner runner_;
  const uint64_t max_events_;
  uint64_t floor_ = 0;
};

bool Search::Serves(uint64_t pool) {
  for (size_t i = 0; i < logs_.size(); ++i) {
    if (!runner_.FirstFailure(*logs_[i], pool)) continue;
    std::swap(logs_[0], logs_[i]);
    return false;
  }
  return true;
}

// A pool of this size serves every log if nothing is ever placed twice.
uint64_t Search::Room() const {
  uint64_t room = 0;
  for (const AllocationLog* log : logs_) {
    const uint64_t padding = log->largest_alignment() - kHeapGranularity;
    room = std::max(room, log->all_bytes() + padding * log->allocations().size());
  }
  return std::min(room, kMaxPoolBytes);
}

// Where places do not depend on the pool's size, what they reach in a large pool is what they need
// in any. That is so for the lowest hole that fits: the end of the pool only ends the last hole,
// which is chosen when no other fits. It is so, counted from the other end, for the upper end of
// the highest hole, as long as the pool's end is aligned as much as every allocation.
std::optional<uint64_t> Search::BytesInAnyPool() {
  const AllocationStrategy& strategy = runner_.strategy();
  const bool lowest = strategy.allocator == AllocatorKind::kFirstFit &&
                      strategy.placement == Placement::kLow &&
                      strategy.long_lived_placement == Placement::kLow;
  const bool highest =
      strategy.allocator == AllocatorKind::kBestFit && strategy.placement == Placement::kTopDown &&
      strategy.long_lived_placement == Placement::kTopDown &&
      std::ranges::all_of(
          logs_, [](const auto* log) { return log->largest_alignment() == kHeapGranularity; });
  const uint64_t pool = Room();
  if (!lowest && !highest) return std::nullopt;
  uint64_t reach = 0;
  for (const AllocationLog* log : logs_) {
    if (runner_.FirstFailure(*log, pool)) return std::nullopt;
    for (const RangeAllocator::Allocation& range : runner_.ranges()) {
      reach =
          std::max(reach, highest ? pool - range.offset : range.offset + InGranules(range.size));
    }
  }
  return reach;
}

// Not the smallest, but found in few runs; 0: none.
uint64_t Search::SomePoolThatServes() {
  uint64_t fails = floor_ - kHeapGranularity;
  uint64_t serves = floor_;
  for (uint64_t step = kHeapGranularity; !Serves(serves); step *= 2) {
    if (serves >= kMaxPoolBytes) return 0;
    fails = serves;
    serves = std::min(serves + step, kMaxPoolBytes);
  }
  while (serves - fails > kHeapGranularity) {
    const uint64_t middle = fails + (serves - fails) / kHeapGranularity / 2 * kHeapGranularity;
    (Serves(middle) ? serves : fails) = middle;
  }
  return serves;
}

SmallestPool Search::Find() {
  if (floor_ == 0) return {};
  if (const auto bytes = BytesInAnyPool()) return {*bytes, *bytes};
  const uint64_t serves = SomePoolThatServes();
  const uint64_t end = serves == 0 ? kMaxPoolBytes : serves;
  for (uint64_t pool = floor_; pool < end; pool += kHeapGranularity) {
    if (IsSpent()) return {serves, pool};
    if (Serves(pool)) return {pool, pool};
  }
  return {serves, end};
}

}  // namespace

SmallestPool FindSmallestPool(std::span<const AllocationLog* const> logs,
                              const AllocationStrategy& strategy, uint64_t max_events) {
  return Search(logs, strategy, max_events).Find();
}

uint64_t RoundPoolUp(std::span<const AllocationLog* const> logs, const AllocationStrategy& strategy,
                     uint64_t from, uint64_t step) {
  constexpr int kMaxTrials = 1000;
  PoolRunner runner(strategy);
  uint64_t pool = (from + step - 1) / step * step;
  for (int i = 0; i < kMaxTrials; ++i, pool += step) {
    if (std::ranges::none_of(
            logs, [&](const auto* log) { return runner.FirstFailure(*log, pool).has_value(); })) {
      return pool;
    }
  }
  return 0;
}

}  // namespace vgpu
