#include "heap/guest_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "heap/mapping.h"

namespace vgpu {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMiB = 1 << 20;

// A backing whose entries have these lengths, wherever they are.
HeapResult<void> Attach(GuestMemory& memory, uint32_t id, std::span<const uint32_t> lengths) {
  std::vector<BackingEntry> entries;
  for (const uint32_t length : lengths) entries.push_back({0xdead0000, length});
  return memory.Attach(id, entries);
}

HeapErrorCode CodeOf(const HeapResult<void>& result) { return result.error().code; }

TEST(GuestMemory, ABackingIsZeroedAndCutIntoItsEntries) {
  GuestMemory memory(kMiB);
  const std::array<uint32_t, 4> lengths = {4096, 0, 100, 7};
  ASSERT_TRUE(Attach(memory, 3, lengths));
  const auto bytes = memory.BytesOf(3);
  ASSERT_EQ(bytes.size(), 4203u);
  EXPECT_TRUE(std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; }));
  const auto entries = memory.Entries(3);
  ASSERT_EQ(entries.size(), 3u) << "one without bytes is none";
  std::byte* place = bytes.data();
  for (const iovec& entry : entries) {
    EXPECT_EQ(entry.iov_base, place);
    place += entry.iov_len;
  }
  EXPECT_EQ(entries[0].iov_len, 4096u);
  EXPECT_EQ(entries[1].iov_len, 100u);
  EXPECT_EQ(entries[2].iov_len, 7u);
}

TEST(GuestMemory, BackingsKeepTheirPlaceAndBytesWhileOthersComeAndGo) {
  GuestMemory memory(64 * kMiB);
  const std::array<uint32_t, 1> length = {4096};
  ASSERT_TRUE(Attach(memory, 1, length));
  const auto bytes = memory.BytesOf(1);
  const iovec* entries = memory.Entries(1).data();
  bytes[4095] = std::byte{42};
  for (uint32_t id = 2; id < 1000; ++id) ASSERT_TRUE(Attach(memory, id, length));
  for (uint32_t id = 2; id < 1000; ++id) ASSERT_TRUE(memory.Detach(id));
  EXPECT_EQ(memory.BytesOf(1).data(), bytes.data());
  EXPECT_EQ(memory.Entries(1).data(), entries);
  EXPECT_EQ(bytes[4095], std::byte{42});
}

TEST(GuestMemory, TheBudgetIsTheSumOfAllBackingsAndTheirEntries) {
  GuestMemory memory(10000 + 3 * GuestMemory::kEntryBytes);
  const std::array<uint32_t, 2> lengths = {3000, 3000};
  const std::array<uint32_t, 1> rest = {4000};
  ASSERT_TRUE(Attach(memory, 1, lengths));
  EXPECT_EQ(memory.used(), 6128u);
  const auto refused = Attach(memory, 2, lengths);
  ASSERT_FALSE(refused);
  EXPECT_EQ(CodeOf(refused), HeapErrorCode::kOutOfMemory);
  EXPECT_EQ(refused.error().message,
            "the backing of resource 2 costs 6128 bytes; 6128 of the budget of 10192 are used");
  EXPECT_FALSE(memory.Has(2));
  EXPECT_EQ(memory.used(), 6128u);
  EXPECT_TRUE(Attach(memory, 3, rest));
  ASSERT_TRUE(memory.Detach(1));
  EXPECT_EQ(memory.used(), 4064u);
  EXPECT_TRUE(Attach(memory, 2, lengths));
}

TEST(GuestMemory, ASumPast32BitsIsCountedInFull) {
  GuestMemory memory(kMiB);
  const std::vector<uint32_t> lengths(3, UINT32_MAX);
  EXPECT_EQ(CodeOf(Attach(memory, 1, lengths)), HeapErrorCode::kOutOfMemory);
}

TEST(GuestMemory, AttachingTwiceKeepsTheFirst) {
  GuestMemory memory(kMiB);
  const std::array<uint32_t, 1> length = {64}, other = {128};
  ASSERT_TRUE(Attach(memory, 1, length));
  memory.BytesOf(1)[0] = std::byte{5};
  EXPECT_EQ(CodeOf(Attach(memory, 1, other)), HeapErrorCode::kExists);
  EXPECT_EQ(memory.SizeOf(1), 64u);
  EXPECT_EQ(memory.BytesOf(1)[0], std::byte{5});
  EXPECT_EQ(memory.used(), 128u);
}

TEST(GuestMemory, DetachedIsGoneAndANewBackingIsZeroedAgain) {
  GuestMemory memory(kMiB);
  const std::array<uint32_t, 1> length = {4096};
  ASSERT_TRUE(Attach(memory, 1, length));
  std::ranges::fill(memory.BytesOf(1), std::byte{0xff});
  ASSERT_TRUE(memory.Detach(1));
  EXPECT_FALSE(memory.Has(1));
  EXPECT_EQ(memory.SizeOf(1), 0u);
  EXPECT_TRUE(memory.BytesOf(1).empty());
  EXPECT_TRUE(memory.Entries(1).empty());
  EXPECT_EQ(CodeOf(memory.Detach(1)), HeapErrorCode::kUnknown);
  ASSERT_TRUE(Attach(memory, 1, length));
  EXPECT_TRUE(
      std::ranges::all_of(memory.BytesOf(1), [](std::byte b) { return b == std::byte{0}; }));
}

TEST(GuestMemory, EntriesLieInTheRegionsOrAreRefused) {
  GuestMemory memory(64 * kMiB);
  memory.SetRegions({{0x3000, 0x1000}, {0x1000, 0x2000}, {0x10000, 0x1000}});
  const auto attach = [&memory](uint64_t address, uint32_t length) {
    const BackingEntry entries[] = {{0x1000, 16}, {address, length}};
    const auto attached = memory.Attach(1, entries);
    (void)memory.Detach(1);
    return attached ? "attached" : attached.error().message;
  };
  const std::string refused = "the backing of resource 1 has an entry outside of guest memory";
  EXPECT_EQ(attach(0x1000, 0x1000), "attached");
  EXPECT_EQ(attach(0x1000, 0x3000), "attached") << "from one region into the next";
  EXPECT_EQ(attach(0x1000, 0x3001), refused);
  EXPECT_EQ(attach(0xfff, 1), refused);
  EXPECT_EQ(attach(0x3fff, 1), "attached");
  EXPECT_EQ(attach(0x4000, 1), refused);
  EXPECT_EQ(attach(0x4000, 0), "attached") << "an entry of no bytes lies nowhere";
  EXPECT_EQ(attach(0x10000, 0x1000), "attached");
  EXPECT_EQ(attach(UINT64_MAX, 100), refused);
  memory.SetRegions({{UINT64_MAX - 4, 100}, {0, UINT64_MAX}});
  EXPECT_EQ(attach(UINT64_MAX - 4, 4), "attached");
  EXPECT_EQ(attach(UINT64_MAX - 4, 5), refused);
  memory.SetRegions({});
  EXPECT_EQ(attach(0x1000, 1), refused);
}

TEST(GuestMemory, ABackingThatIsNoLongerInTheRegionsIsDetached) {
  GuestMemory memory(kMiB);
  const BackingEntry low[] = {{0x1000, 64}}, high[] = {{0x9000, 64}};
  ASSERT_TRUE(memory.Attach(1, low));
  ASSERT_TRUE(memory.Attach(2, high));
  memory.BytesOf(1)[0] = std::byte{5};
  EXPECT_TRUE(memory.Relocate(2)) << "nothing is known of the guest's memory";
  memory.SetRegions({{0x1000, 0x1000}});
  EXPECT_TRUE(memory.Relocate(1));
  EXPECT_EQ(memory.BytesOf(1)[0], std::byte{5});
  EXPECT_FALSE(memory.Relocate(2));
  EXPECT_FALSE(memory.Has(2));
  EXPECT_FALSE(memory.Relocate(3));
  EXPECT_EQ(memory.used(), 64 + GuestMemory::kEntryBytes);
}

TEST(GuestMemory, ABackingOfNoBytesIsInvalid) {
  GuestMemory memory(kMiB);
  const std::array<uint32_t, 2> nothing = {0, 0};
  EXPECT_EQ(CodeOf(Attach(memory, 1, {})), HeapErrorCode::kInvalid);
  EXPECT_EQ(CodeOf(Attach(memory, 1, nothing)), HeapErrorCode::kInvalid);
  EXPECT_FALSE(memory.Has(1));
}

TEST(Mapping, IsReleasedWithItsObjectAndMovesWithIt) {
  auto made = Mapping::Create(3 * 4096);
  ASSERT_TRUE(made);
  const std::byte* place = made->bytes().data();
  Mapping moved = std::move(*made);
  EXPECT_TRUE(made->bytes().empty());
  EXPECT_EQ(moved.bytes().data(), place);
  moved.bytes().back() = std::byte{1};
  moved = Mapping();
  EXPECT_TRUE(moved.bytes().empty());
}

TEST(Mapping, OfAFileSharesItsBytesFromTheOffsetOn) {
  const int fd = memfd_create("file", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(fd, 3 * 4096), 0);
  ASSERT_EQ(pwrite(fd, "there", 5, 4096 + 7), 5);
  const auto made = Mapping::OfFile(fd, 4096, 2 * 4096);
  ASSERT_TRUE(made);
  ASSERT_EQ(made->bytes().size(), 2u * 4096);
  EXPECT_EQ(std::memcmp(made->bytes().data() + 7, "there", 5), 0);
  made->bytes()[7] = std::byte{'T'};
  char read = 0;
  EXPECT_EQ(pread(fd, &read, 1, 4096 + 7), 1);
  EXPECT_EQ(read, 'T');
  EXPECT_EQ(Mapping::OfFile(fd, 100, 4096).error().code, HeapErrorCode::kOutOfMemory);
  EXPECT_EQ(Mapping::OfFile(fd, uint64_t{1} << 63, 4096).error().code, HeapErrorCode::kOutOfMemory);
  EXPECT_EQ(Mapping::OfFile(fd, 0, 0).error().code, HeapErrorCode::kInvalid);
  close(fd);
}

TEST(Mapping, MoreThanTheSystemHasIsAnErrorWithItsSize) {
  const auto made = Mapping::Create(1ull << 60);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, HeapErrorCode::kOutOfMemory);
  EXPECT_THAT(made.error().message,
              HasSubstr("the system refuses a mapping of 1152921504606846976 bytes: "));
}

}  // namespace
}  // namespace vgpu
