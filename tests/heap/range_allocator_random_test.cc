// Every allocator against the naive model, over random operations in pools of many shapes.
#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "heap/range/range_allocator.h"
#include "tests/heap/naive_pool.h"
#include "tests/heap/range_allocator_kinds.h"

namespace vgpu {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr unsigned kScale = 16;  // fewer operations
#else
constexpr unsigned kScale = 1;
#endif

struct Shape {
  const char* name;
  uint64_t pool_bytes;
  uint64_t granule;
  uint64_t largest;    // bytes, of a request
  unsigned alignment;  // as a power of two, the largest of a request
  unsigned operations;
};

constexpr Shape kShapes[] = {
    {"OneGranule", 4096, 4096, 6000, 14, 10'000},
    {"Bytes", 1000, 1, 60, 6, 110'000},
    {"PowerOfTwo", 1 << 20, 4096, 40'000, 14, 100'000},
    {"Odd", 333 * 4096 + 17, 4096, 60'000, 16, 100'000},
    {"ManySmall", 300 * 256, 256, 700, 8, 80'000},
    {"Crowded", 64 << 20, 4096, 1 << 20, 21, 50'000},
    {"Huge", uint64_t{UINT32_MAX - 1} << 32, uint64_t{1} << 32, uint64_t{1} << 61, 63, 80'000},
};

class RandomRun {
 public:
  RandomRun(AllocatorKind kind, const Shape& shape)
      : shape_(shape),
        pool_(MakeAllocator(kind, shape.pool_bytes, shape.granule)),
        model_(kind, shape.pool_bytes, shape.granule) {}

  void Step() {
    // Slow waves between a pool that fills up and one that empties.
    const bool fills = steps_++ / 400 % 2 == 0;
    const unsigned dice = Below(100);
    if (dice < 2) {
      FreeWrongly();
    } else if (dice < (fills ? 62 : 42) || model_.live().empty()) {
      Allocate();
    } else {
      Free(model_.live()[Below(model_.live().size())]);
    }
    if (steps_ % 16 == 0) Check(model_.Reported(pool_->Report()));
  }

  void FreeAll() {
    while (!model_.live().empty() && !testing::Test::HasFatalFailure())
      Free(model_.live()[Below(model_.live().size())]);
    Check(model_.Reported(pool_->Report()));
  }

  RangeAllocator& pool() { return *pool_; }

 private:
  void Check(const std::string& wrong) { ASSERT_EQ(wrong, "") << "at step " << steps_; }

  void Allocate() {
    const uint64_t most = Below(4) == 0 ? shape_.largest : shape_.largest / 16 + 1;
    const uint64_t size = Below(50) == 0 ? 0 : 1 + Below(most);
    const uint64_t alignment = Below(2) == 0 ? 1 : uint64_t{1} << Below(shape_.alignment + 1);
    const auto placement = static_cast<Placement>(Below(3));
    const auto answer = pool_->Allocate(size, alignment, placement);
    Check(model_.Allocated(size, alignment, placement, answer));
  }

  void Free(const RangeAllocator::Allocation& allocation) {
    last_ = allocation;
    const bool answer = pool_->Free(last_);
    Check(model_.Freed(last_, answer));
  }

  // What was freed already, or something near to what is live.
  void FreeWrongly() {
    RangeAllocator::Allocation wrong = last_;
    if (!model_.live().empty()) wrong = model_.live()[Below(model_.live().size())];
    switch (Below(5)) {
      case 0:
        wrong.offset += shape_.granule;
        break;
      case 1:
        wrong.size += 1;
        break;
      case 2:
        wrong.node = static_cast<uint32_t>(Below(64));
        break;
      case 3:
        wrong.node = UINT32_MAX - static_cast<uint32_t>(Below(2));
        break;
      default:
        wrong = last_;
    }
    Check(model_.Freed(wrong, pool_->Free(wrong)));
  }

  uint64_t Below(uint64_t bound) { return random_() % bound; }

  const Shape& shape_;
  std::unique_ptr<RangeAllocator> pool_;
  NaivePool model_;
  RangeAllocator::Allocation last_;
  unsigned steps_ = 0;
  std::mt19937_64 random_{shape_.pool_bytes};
};

class RangeAllocatorRandom
    : public testing::TestWithParam<std::tuple<AllocatorKind, const Shape*>> {};

TEST_P(RangeAllocatorRandom, AgreesWithTheNaiveModelAndEndsWithTheWholePool) {
  const auto [kind, shape] = GetParam();
  RandomRun run(kind, *shape);
  for (unsigned i = 0; i < shape->operations / kScale && !HasFatalFailure(); ++i) run.Step();
  run.FreeAll();
  const RangeReport report = run.pool().Report();
  EXPECT_EQ(report.largest_hole, report.pool_bytes);
  if (kind != AllocatorKind::kBuddy) {
    EXPECT_TRUE(run.pool().Allocate(report.pool_bytes, 1));
  } else {
    for (uint64_t left = report.pool_bytes; left != 0; left -= std::bit_floor(left)) {
      EXPECT_TRUE(run.pool().Allocate(std::bit_floor(left), 1)) << left;
    }
  }
  EXPECT_EQ(run.pool().Report().FreeBytes(), 0u);
}

std::vector<const Shape*> Shapes() {
  std::vector<const Shape*> shapes;
  for (const Shape& shape : kShapes) shapes.push_back(&shape);
  return shapes;
}

using Case = std::tuple<AllocatorKind, const Shape*>;

std::string CaseName(const testing::TestParamInfo<Case>& info) {
  const auto [kind, shape] = info.param;
  return AllocatorClass(kind) + shape->name;
}

INSTANTIATE_TEST_SUITE_P(All, RangeAllocatorRandom,
                         testing::Combine(testing::ValuesIn(kAllocatorKinds),
                                          testing::ValuesIn(Shapes())),
                         CaseName);

}  // namespace
}  // namespace vgpu
