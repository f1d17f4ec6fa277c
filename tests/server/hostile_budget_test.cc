// More than the host has: budgets end before its memory.
#include "replay/device/host_costs.h"
#include "tests/server/hostile_guest.h"

namespace vgpu::test {
namespace {

using testing::ElementsAre;

// Against the use of more memory than there is.

TEST_F(HostileGuest, ManySmallEntriesCountAgainstTheBudget) {
  COVERS(RESOURCE_ATTACH_BACKING, ERR_OUT_OF_MEMORY);
  ASSERT_TRUE(Boot({.max_memory = 1u << 20})) << why_;
  const Pieces pieces(4000, {kGuestBase, 1});  // 4000 bytes, and 256,000 for what they take
  std::vector<std::string> answers;
  for (uint32_t id = 1; id <= 5; ++id) {
    Expect(ask::Create2d(id, 8, 8));
    answers.push_back(Answer(Attach(id, pieces)));
  }
  EXPECT_THAT(answers,
              ElementsAre("OK_NODATA", "OK_NODATA", "OK_NODATA", "OK_NODATA", "ERR_OUT_OF_MEMORY"));
  EXPECT_LE(guest().memory().used(), 1u << 20);
  Expect(ask::Unref(1));
  Expect(Attach(5, pieces));
}

TEST_F(HostileGuest, OneGuestPageManyTimesCountsAgainstTheBudget) {
  ASSERT_TRUE(Boot({.max_memory = 1u << 20})) << why_;
  Expect(ask::Create2d(1, 8, 8));
  Expect(Attach(1, Pieces(1000, {kGuestBase, 4096})), "ERR_OUT_OF_MEMORY");
}

TEST_F(HostileGuest, ResourcesLargerThanTheBudgetAreRefused) {
  COVERS(RESOURCE_CREATE_2D, ERR_OUT_OF_MEMORY);
  COVERS(RESOURCE_CREATE_3D, ERR_OUT_OF_MEMORY);
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::Create2d(1, 65536, 65536), "ERR_OUT_OF_MEMORY");
  Expect(ask::Create3d(1, kBuffer, 0x80000000, 1), "ERR_OUT_OF_MEMORY");
  auto shape = ask::Shape3d(1, kTexture, kMax, kMax);
  shape.depth = shape.array_size = shape.nr_samples = shape.last_level = kMax;
  Expect({CommandType::RESOURCE_CREATE_3D, shape}, "ERR_OUT_OF_MEMORY");
}

TEST_F(HostileGuest, ThousandsOfContextsEndBeforeTheHostsMemory) {
  COVERS(CTX_CREATE, ERR_OUT_OF_MEMORY);
  constexpr uint64_t kBudget = 100 * host_costs::kContext;
  ASSERT_TRUE(Boot({.max_host_memory = kBudget})) << why_;
  uint32_t made = 0;
  for (uint32_t ctx = 1; ctx <= 3000; ++ctx) made += Answer(ask::CreateContext(ctx)) == "OK_NODATA";
  EXPECT_EQ(made, 100u);
  Expect(ask::DestroyContext(7));
  Expect(ask::CreateContext(3001));
  Expect(ask::CreateContext(3002), "ERR_OUT_OF_MEMORY");
  Expect(ask::DestroyContext(8));  // room for what shows that it is alive
}

TEST_F(HostileGuest, ThousandsOfContextsOnTheRealRendererEndToo) {
  COVERS(CTX_CREATE, ERR_OUT_OF_MEMORY);
  if (!Boot({.max_host_memory = 20 * host_costs::kContext, .virgl = true})) GTEST_SKIP() << why_;
  for (uint32_t ctx = 1; ctx <= 2000; ++ctx) Answer(ask::CreateContext(ctx));
  EXPECT_EQ(renderer().contexts.size(), 20u);
  Expect(ask::DestroyContext(8));
}

TEST_F(HostileGuest, SubContextsThatAStreamMakesCountAsContexts) {
  COVERS(SUBMIT_3D, ERR_OUT_OF_MEMORY);
  ASSERT_TRUE(Boot({.max_host_memory = 20 * host_costs::kContext})) << why_;
  Expect(ask::CreateContext(1));
  std::vector<uint32_t> stream;
  for (uint32_t id = 1; id <= 1000; ++id) {
    stream.insert(stream.end(), {29 | 1 << 16, id});  // CREATE_SUB_CTX
  }
  Expect(ask::Submit(1, stream), "ERR_OUT_OF_MEMORY");
  Expect(ask::Submit(1, {29 | 1 << 16, 1}));  // there already
  Expect(ask::CreateContext(2), "ERR_OUT_OF_MEMORY");
  Expect(ask::Submit(1, {30 | 1 << 16, 1, 30 | 1 << 16, 1}));  // DESTROY_SUB_CTX, twice
  Expect(ask::CreateContext(2));
  Expect(ask::CreateContext(3), "ERR_OUT_OF_MEMORY");
  Expect(ask::DestroyContext(1));
  for (uint32_t ctx = 3; ctx < 20; ++ctx) Expect(ask::CreateContext(ctx));
}

TEST_F(HostileGuest, TinyResourcesCountForMoreThanTheirPixels) {
  COVERS(RESOURCE_CREATE_2D, ERR_OUT_OF_MEMORY);
  COVERS(RESOURCE_CREATE_BLOB, ERR_OUT_OF_MEMORY);
  ASSERT_TRUE(Boot({.max_host_memory = 100 * host_costs::kResource})) << why_;
  uint32_t made = 0;
  for (uint32_t id = 1; id <= 1000; ++id) made += Answer(ask::Create2d(id, 1, 1)) == "OK_NODATA";
  EXPECT_EQ(made, 99u);
  Expect(ask::Unref(1));
  const Pieces byte = {{kGuestBase, 1}};
  Expect(CreateBlob(0, ask::Blob(1, kBlobMemGuest, 1), byte));
  Expect(CreateBlob(0, ask::Blob(1001, kBlobMemGuest, 1), byte), "ERR_OUT_OF_MEMORY");
  for (uint32_t id = 1; id < 10; ++id) Expect(ask::Unref(id));
}

TEST_F(HostileGuest, ResourcesOfManyContextsCountInEach) {
  COVERS(CTX_ATTACH_RESOURCE, ERR_OUT_OF_MEMORY);
  constexpr uint64_t kBudget = 2 * host_costs::kContext + 256 * 1024;
  ASSERT_TRUE(Boot({.max_host_memory = kBudget})) << why_;
  for (const uint32_t ctx : {1u, 2u}) Expect(ask::CreateContext(ctx));
  for (uint32_t id = 1; id <= 240; ++id) Expect(ask::Create2d(id, 1, 1));
  for (int round = 0; round < 3; ++round) {
    uint32_t attached = 0;
    for (uint32_t i = 0; i < 480; ++i) {
      attached += Answer(ask::AttachToContext(i % 2 + 1, i / 2 + 1)) == "OK_NODATA";
    }
    EXPECT_GT(attached, 100u);
    EXPECT_LT(attached, 200u);
    Expect(ask::AttachToContext(1, 1));  // which it is already
    for (uint32_t i = 0; i < 480; ++i) {
      Expect(ask::ForResource(CommandType::CTX_DETACH_RESOURCE, i / 2 + 1).On(i % 2 + 1));
    }
  }
}

}  // namespace
}  // namespace vgpu::test
