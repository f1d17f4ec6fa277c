#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <limits>

#include "capture/vhost_user/memory_table.h"
#include "tests/capture/vhost_user_support.h"
#include "tests/support/vhost_user_driver.h"

namespace vgpu::test {
namespace {

using ::testing::HasSubstr;
using vhost::MemoryRegion;
using vhost::MemoryTable;

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

UniqueFd File(uint64_t size) {
  UniqueFd fd(memfd_create("region", MFD_CLOEXEC));
  EXPECT_EQ(ftruncate(fd.get(), static_cast<off_t>(size)), 0);
  return fd;
}

class VhostUserMemory : public testing::Test {
 protected:
  std::string Refusal(const MemoryRegion& region) {
    const std::size_t before = table_.size();
    const Status added = table_.Add(region, ram_.fd());
    EXPECT_EQ(table_.size(), before);
    return added ? "" : added.error().message;
  }

  bool HasGuest(uint64_t address, uint64_t size) {
    places_.clear();
    return table_.AppendGuestRange(address, size, places_);
  }

  GuestRam ram_{16 * kPage};
  MemoryTable table_;
  std::vector<std::span<std::byte>> places_;
};

TEST_F(VhostUserMemory, ARangeOfARegionIsTheGuestsOwnBytes) {
  ASSERT_TRUE(table_.Add(ram_.region(), ram_.fd()));
  ram_.Write(kGuestBase + 100, std::as_bytes(std::span("hello", 5)));
  ASSERT_TRUE(HasGuest(kGuestBase + 100, 5));
  ASSERT_EQ(places_.size(), 1u);
  EXPECT_EQ(std::memcmp(places_[0].data(), "hello", 5), 0);
  places_[0][0] = std::byte{'J'};
  EXPECT_EQ(ram_.TextAt(kGuestBase + 100, 5), "Jello");
  const auto user = table_.UserRange(kUserBase + 100, 5);
  ASSERT_TRUE(user);
  EXPECT_EQ(user->data(), places_[0].data());
}

TEST_F(VhostUserMemory, TheOffsetInTheFileNeedNotBeAPage) {
  ram_.Write(kGuestBase + 3 * kPage + 16, std::as_bytes(std::span("here", 4)));
  ASSERT_TRUE(table_.Add({0x1000, kPage, 0x5000, 3 * kPage + 16}, ram_.fd()));
  ASSERT_TRUE(HasGuest(0x1000, 4));
  EXPECT_EQ(std::memcmp(places_[0].data(), "here", 4), 0);
}

TEST_F(VhostUserMemory, NothingOutsideTheRegionsIsHandedOut) {
  ASSERT_TRUE(table_.Add(ram_.region(), ram_.fd()));
  const uint64_t end = kGuestBase + ram_.size();
  EXPECT_TRUE(HasGuest(end - 1, 1));
  EXPECT_FALSE(HasGuest(end - 1, 2));
  EXPECT_FALSE(HasGuest(end, 1));
  EXPECT_FALSE(HasGuest(kGuestBase - 1, 2));
  EXPECT_FALSE(HasGuest(kMax, 2));
  EXPECT_FALSE(HasGuest(kGuestBase, kMax));
  EXPECT_FALSE(table_.UserRange(kUserBase + ram_.size() - 1, 2));
  EXPECT_FALSE(table_.UserRange(kUserBase + 1, kMax));
  EXPECT_FALSE(table_.UserRange(kUserBase - 1, 1));
  EXPECT_FALSE(table_.UserRange(kMax, 2));
}

TEST_F(VhostUserMemory, AGuestRangeOverTwoRegionsIsCutAtTheirBorder) {
  const UniqueFd other = File(kPage);
  ASSERT_TRUE(table_.Add(ram_.region(), ram_.fd()));
  ASSERT_TRUE(table_.Add({kGuestBase + ram_.size(), kPage, 0x1000, 0}, other.get()));
  ASSERT_TRUE(HasGuest(kGuestBase + ram_.size() - 10, 30));
  ASSERT_EQ(places_.size(), 2u);
  EXPECT_EQ(places_[0].size(), 10u);
  EXPECT_EQ(places_[1].size(), 20u);
  EXPECT_FALSE(HasGuest(kGuestBase + ram_.size() - 10, 10 + kPage + 1));
}

TEST_F(VhostUserMemory, RegionsThatCannotBeAreRefused) {
  EXPECT_EQ(Refusal({0x1000, 0, 0x1000, 0}), "the memory region at 0x1000 of 0x0 bytes is empty");
  EXPECT_THAT(Refusal({kMax - kPage + 1, kPage, 0x1000, 0}), HasSubstr("wraps"));
  EXPECT_THAT(Refusal({0x1000, kPage, kMax - 5, 0}), HasSubstr("wraps"));
  EXPECT_THAT(Refusal({0x1000, kPage, 0x1000, kMax - 5}), HasSubstr("wraps"));
  EXPECT_EQ(Refusal({0x1000, 2 * kPage, 0x1000, 15 * kPage}),
            "the memory region at 0x1000 of 0x2000 bytes ends at 0x11000 of a file of 0x10000 "
            "bytes");
  EXPECT_THAT(Refusal({0, kMax, 0, 0}), HasSubstr("of a file of 0x10000 bytes"));
}

TEST_F(VhostUserMemory, RegionsThatOverlapInEitherAddressSpaceAreRefused) {
  ASSERT_TRUE(table_.Add({0x10000, 2 * kPage, 0x50000, 0}, ram_.fd()));
  EXPECT_EQ(Refusal({0x11fff, kPage, 0x90000, 0}),
            "the memory region at 0x11fff of 0x1000 bytes overlaps the memory region at 0x10000 "
            "of 0x2000 bytes");
  EXPECT_THAT(Refusal({0xf001, kPage, 0x90000, 0}), HasSubstr("overlaps"));
  EXPECT_THAT(Refusal({0x90000, kPage, 0x51fff, 0}), HasSubstr("overlaps"));
  EXPECT_TRUE(table_.Add({0x12000, kPage, 0x52000, 0}, ram_.fd())) << "a neighbour";
}

TEST_F(VhostUserMemory, DescriptorsThatCannotBeMappedAreErrors) {
  const Status none = table_.Add({0x1000, kPage, 0x1000, 0}, -1);
  EXPECT_THAT(none.error().message, HasSubstr("has no usable descriptor"));
  const UniqueFd read_only(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const Status refused = table_.Add({0x1000, kPage, 0x1000, 0}, read_only.get());
  EXPECT_THAT(refused.error().message, HasSubstr("cannot be mapped"));
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(VhostUserMemory, OneMoreRegionThanTheLimitIsRefused) {
  for (uint64_t i = 0; i < vhost::kMaxRegions; ++i) {
    ASSERT_TRUE(table_.Add({i * kPage, kPage, i * kPage, 0}, ram_.fd()));
  }
  EXPECT_THAT(Refusal({100 * kPage, kPage, 100 * kPage, 0}), HasSubstr("the limit of 32"));
}

TEST_F(VhostUserMemory, ARegionGoesOnlyByItsExactPlace) {
  ASSERT_TRUE(table_.Add(ram_.region(), ram_.fd()));
  MemoryRegion other = ram_.region();
  other.size -= kPage;
  EXPECT_THAT(table_.Remove(other).error().message, HasSubstr("is to be removed and is not there"));
  EXPECT_TRUE(HasGuest(kGuestBase, 1));
  EXPECT_TRUE(table_.Remove(ram_.region()));
  EXPECT_FALSE(HasGuest(kGuestBase, 1));
}

TEST_F(VhostUserMemory, ATableThatIsRefusedLeavesTheOldOne) {
  ASSERT_TRUE(table_.Add(ram_.region(), ram_.fd()));
  std::vector<UniqueFd> fds;
  fds.push_back(File(kPage));
  const MemoryRegion two[] = {{0, kPage, 0, 0}, {kPage, kPage, kPage, 0}};
  EXPECT_EQ(table_.Replace(two, fds).error().message,
            "a memory table of 2 regions comes with 1 descriptors");
  fds.push_back(File(kPage - 1));
  EXPECT_FALSE(table_.Replace(two, fds));
  EXPECT_TRUE(HasGuest(kGuestBase, ram_.size()));
  fds[1] = File(kPage);
  EXPECT_TRUE(table_.Replace(two, fds));
  EXPECT_FALSE(HasGuest(kGuestBase, 1));
  EXPECT_TRUE(HasGuest(0, 2 * kPage));
}

}  // namespace
}  // namespace vgpu::test
