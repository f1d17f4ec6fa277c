#include "heap/range/buddy.h"

#include <algorithm>
#include <bit>

namespace vgpu {

Buddy::Buddy(const GranulePool& pool) : pool_(pool) { Clear(); }

bool Buddy::Reset(uint64_t pool_bytes) {
  const auto pool = GranulePool::Make(pool_bytes, pool_.granule());
  if (!pool) return false;
  pool_ = *pool;
  Clear();
  return true;
}

void Buddy::Clear() {
  blocks_.clear();
  unused_pair_ = kNone;
  free_.fill(kNone);
  free_orders_ = 0;
  roots_ = 0;
  counts_ = RangeReport{.pool_bytes = pool_.Bytes(pool_.granules())};
  for (uint32_t begin = 0; begin < pool_.granules(); ++roots_) {
    const unsigned order = std::bit_width(pool_.granules() - begin) - 1;
    PushFree(TakePair(kNone, begin, order));
    begin += uint32_t{1} << order;
  }
}

unsigned Buddy::LargestOrder() const { return std::bit_width(pool_.granules()) - 1; }

// The second block of a root's pair stays unused, so that a root merges with nothing.
uint32_t Buddy::TakePair(uint32_t parent, uint32_t begin, unsigned order) {
  uint32_t pair = unused_pair_;
  if (pair == kNone) {
    pair = static_cast<uint32_t>(blocks_.size());
    blocks_.resize(blocks_.size() + 2);
  } else {
    unused_pair_ = blocks_[pair].next;
  }
  for (uint32_t half = 0; half < 2; ++half) {
    Block& block = blocks_[pair + half];
    block.begin = begin + (half << order);
    block.parent = parent;
    block.order = static_cast<uint8_t>(order);
  }
  return pair;
}

void Buddy::PushFree(uint32_t i) {
  Block& block = blocks_[i];
  uint32_t& first = free_[block.order];
  block.state = State::kFree;
  block.prev = kNone;
  block.next = first;
  if (first != kNone) blocks_[first].prev = i;
  first = i;
  free_orders_ |= uint32_t{1} << block.order;
}

void Buddy::RemoveFree(uint32_t i) {
  const Block& block = blocks_[i];
  if (block.next != kNone) blocks_[block.next].prev = block.prev;
  if (block.prev != kNone) {
    blocks_[block.prev].next = block.next;
  } else if ((free_[block.order] = block.next) == kNone) {
    free_orders_ &= ~(uint32_t{1} << block.order);
  }
}

uint32_t Buddy::PopFree(unsigned order) {
  const uint32_t orders = free_orders_ >> order << order;
  if (orders == 0) return kNone;
  const uint32_t i = free_[std::countr_zero(orders)];
  RemoveFree(i);
  return i;
}

uint32_t Buddy::Split(uint32_t i) {
  const uint32_t lower = TakePair(i, blocks_[i].begin, blocks_[i].order - 1u);
  blocks_[i].state = State::kSplit;
  blocks_[i].next = lower;
  return lower;
}

uint32_t Buddy::ShrinkTo(uint32_t i, unsigned order) {
  while (blocks_[i].order > order) {
    i = Split(i);
    PushFree(i + 1);
  }
  return i;
}

uint32_t Buddy::Trim(uint32_t i, uint64_t granules) {
  uint32_t first = kNone, last = kNone;
  const auto take = [&](uint32_t live) {
    blocks_[live].state = first == kNone ? State::kLive : State::kLiveTail;
    blocks_[live].next = kNone;
    (first == kNone ? first : blocks_[last].next) = live;
    last = live;
  };
  for (uint64_t size; (size = uint64_t{1} << blocks_[i].order) != granules;) {
    const uint32_t lower = Split(i);
    if (granules <= size / 2) {
      PushFree(lower + 1);
      i = lower;
    } else {
      take(lower);
      i = lower + 1;
      granules -= size / 2;
    }
  }
  take(i);
  return first;
}

std::optional<RangeAllocator::Allocation> Buddy::Allocate(uint64_t size, uint64_t alignment,
                                                          Placement) {
  const auto request = pool_.Request(size, alignment);
  if (!request) return std::nullopt;
  // A block of the largest order begins at 0, which has any alignment.
  const uint64_t most = uint64_t{1} << LargestOrder();
  const uint64_t block =
      std::max(std::bit_ceil(request->granules), std::min(request->alignment, most));
  if (block > most) return std::nullopt;
  const unsigned order = std::countr_zero(block);
  const uint32_t free = PopFree(order);
  if (free == kNone) return std::nullopt;
  const uint32_t i = Trim(ShrinkTo(free, order), request->granules);
  blocks_[i].bytes = size;
  counts_.used_bytes += size;
  counts_.reserved_bytes += pool_.Bytes(request->granules);
  ++counts_.allocations;
  return Allocation{pool_.Bytes(blocks_[i].begin), size, i};
}

bool Buddy::IsLive(const Allocation& allocation) const {
  if (allocation.node >= blocks_.size()) return false;
  const Block& block = blocks_[allocation.node];
  return block.state == State::kLive && pool_.Bytes(block.begin) == allocation.offset &&
         block.bytes == allocation.size;
}

bool Buddy::Free(const Allocation& allocation) {
  if (!IsLive(allocation)) return false;
  counts_.used_bytes -= allocation.size;
  --counts_.allocations;
  for (uint32_t i = allocation.node; i != kNone;) {
    const uint32_t next = blocks_[i].next;
    counts_.reserved_bytes -= pool_.Bytes(uint64_t{1} << blocks_[i].order);
    FreeBlock(i);
    i = next;
  }
  return true;
}

void Buddy::FreeBlock(uint32_t i) {
  while (blocks_[i ^ 1].state == State::kFree) {
    RemoveFree(i ^ 1);
    const uint32_t pair = i & ~uint32_t{1};
    i = blocks_[i].parent;
    blocks_[pair].state = blocks_[pair + 1].state = State::kUnused;
    blocks_[pair].next = unused_pair_;
    unused_pair_ = pair;
  }
  PushFree(i);
}

void Buddy::Follow(uint32_t i, FreeRun& run) const {
  const Block& block = blocks_[i];
  if (block.state == State::kSplit) {
    Follow(block.next, run);
    Follow(block.next + 1, run);
  } else if (block.state == State::kFree) {
    if (run.granules == 0) ++run.count;
    run.granules += uint64_t{1} << block.order;
    run.largest = std::max(run.largest, run.granules);
  } else {
    run.granules = 0;
  }
}

RangeReport Buddy::Report() const {
  FreeRun run;
  for (uint32_t root = 0; root < roots_; ++root) Follow(2 * root, run);
  RangeReport report = counts_;
  report.largest_hole = pool_.Bytes(run.largest);
  report.holes = run.count;
  return report;
}

}  // namespace vgpu
