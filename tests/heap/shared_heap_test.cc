#include "heap/shared_heap.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace vgpu {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kPoolBytes = 1 << 20;

TEST(SharedHeap, IsZeroedMemoryThatAnotherMappingOfItsDescriptorSees) {
  auto heap = SharedHeap::Create(kPoolBytes);
  ASSERT_TRUE(heap) << heap.error().message;
  ASSERT_EQ(heap->size(), kPoolBytes);
  EXPECT_TRUE(std::ranges::all_of(heap->bytes(), [](std::byte b) { return b == std::byte{0}; }));
  auto guest = Mapping::OfFile(heap->fd(), 0, kPoolBytes);
  ASSERT_TRUE(guest);
  guest->bytes()[kPoolBytes - 1] = std::byte{42};
  EXPECT_EQ(heap->bytes()[kPoolBytes - 1], std::byte{42});
}

TEST(SharedHeap, CanNeitherGrowNorShrinkNorLoseItsSeals) {
  auto heap = SharedHeap::Create(kPoolBytes);
  ASSERT_TRUE(heap);
  EXPECT_NE(ftruncate(heap->fd(), kPoolBytes / 2), 0);
  EXPECT_NE(ftruncate(heap->fd(), 2 * kPoolBytes), 0);
  const char byte = 1;
  EXPECT_LT(pwrite(heap->fd(), &byte, 1, kPoolBytes), 0) << "a write behind the end grows a file";
  EXPECT_NE(fcntl(heap->fd(), F_ADD_SEALS, F_SEAL_WRITE), 0);
  EXPECT_EQ(lseek(heap->fd(), 0, SEEK_END), static_cast<off_t>(kPoolBytes));
}

TEST(SharedHeap, ASizeThatIsNoWholeGranulesIsNamed) {
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, kPoolBytes + 1}) {
    const auto heap = SharedHeap::Create(size);
    ASSERT_FALSE(heap);
    EXPECT_EQ(heap.error().code, HeapErrorCode::kInvalid);
    EXPECT_THAT(heap.error().message, HasSubstr(std::to_string(size) + " bytes"));
  }
}

TEST(SharedHeap, ASizeThatNoMachineHasIsRefused) {
  const auto heap = SharedHeap::Create(UINT64_MAX - kHeapGranularity + 1);
  ASSERT_FALSE(heap);
  EXPECT_EQ(heap.error().code, HeapErrorCode::kOutOfMemory);
}

TEST(SharedHeap, MovesWithItsMappingAndDescriptor) {
  auto heap = SharedHeap::Create(kPoolBytes);
  ASSERT_TRUE(heap);
  const int fd = heap->fd();
  const std::byte* place = heap->bytes().data();
  SharedHeap moved = std::move(*heap);
  EXPECT_EQ(moved.fd(), fd);
  EXPECT_EQ(moved.bytes().data(), place);
}

}  // namespace
}  // namespace vgpu
