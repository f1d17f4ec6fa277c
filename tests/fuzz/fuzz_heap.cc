// Any operations on every allocator: each answer, and what it reports, agrees with the naive model.
//
// Input: a byte for the granule and two for the pool; then operations of four bytes, as below.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "heap/range/range_allocator.h"
#include "tests/heap/naive_pool.h"

namespace {

using Allocation = vgpu::RangeAllocator::Allocation;

void Require(const std::string& wrong) {
  if (!wrong.empty()) std::abort();
}

class Operations {
 public:
  Operations(vgpu::AllocatorKind kind, uint64_t pool_bytes, uint64_t granule)
      : granule_(granule),
        pool_(vgpu::MakeAllocator(kind, pool_bytes, granule)),
        model_(kind, pool_bytes, granule) {}

  // What it is, and how: allocate, with a size of (a) bits below (b); free what is (b)th, or nearly
  // it.
  void Run(uint8_t what, uint8_t a, uint8_t b, uint8_t how) {
    if (what % 2 == 0) {
      const uint64_t size = uint64_t{b} << (a % 64);
      const uint64_t alignment = how < 252 ? uint64_t{1} << (how / 3 % 64) : how;
      const auto placement = static_cast<vgpu::Placement>(how % 3);
      const auto answer = pool_->Allocate(size, alignment, placement);
      Require(model_.Allocated(size, alignment, placement, answer));
    } else {
      Allocation freed = last_;
      if (!model_.live().empty()) freed = model_.live()[b % model_.live().size()];
      if (how % 8 == 1) freed.offset += granule_ * a;
      if (how % 8 == 2) freed.size += a;
      if (how % 8 == 3) freed.node += a;
      if (how % 8 == 4) freed = last_;
      const bool answer = pool_->Free(freed);
      Require(model_.Freed(freed, answer));
      last_ = freed;
    }
    Require(model_.Reported(pool_->Report()));
  }

 private:
  uint64_t granule_;
  std::unique_ptr<vgpu::RangeAllocator> pool_;
  vgpu::NaivePool model_;
  Allocation last_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const uint64_t granule = uint64_t{1} << (data[0] % 48);
  const uint64_t pool = granule * (1 + data[1] + 256 * (data[2] % 16));
  for (const vgpu::AllocatorKind kind : {
#define VGPU_ALLOCATOR(NAME, text, Class, summary) vgpu::AllocatorKind::NAME,
#include "heap/range/allocators.def"
       }) {
    Operations operations(kind, pool, granule);
    for (size_t i = 3; i + 4 <= size; i += 4)
      operations.Run(data[i], data[i + 1], data[i + 2], data[i + 3]);
  }
  return 0;
}
