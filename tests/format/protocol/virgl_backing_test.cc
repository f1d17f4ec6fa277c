#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "format/protocol/virgl.h"
#include "tests/format/protocol/virgl_stream.h"

namespace vgpu {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr uint32_t kTexture = 10, kStaging = 20, kInfoBuffer = 30, kUnknown = 99;

class BackingAccesses : public testing::Test {
 protected:
  BackingAccesses() {
    shapes_[kTexture] = {.target = 2, .format = 1, .width = 64, .height = 64};
    shapes_[kStaging] = {.target = 0, .format = 64, .width = 1 << 20};
    shapes_[kInfoBuffer] = {.target = 0, .format = 64, .width = 4096};
  }

  std::vector<BackingAccess> Of(std::span<const uint32_t> stream) {
    const auto shape = [this](uint32_t id) -> const ResourceShape* {
      const auto found = shapes_.find(id);
      return found == shapes_.end() ? nullptr : &found->second;
    };
    return BackingAccessesOf(stream, shape);
  }

  // A transfer of 8 x 4 texels at (2, 1) of level 0, and what follows the first eleven dwords.
  static std::vector<uint32_t> Box(uint32_t resource, std::vector<uint32_t> rest) {
    std::vector<uint32_t> words = {resource, 0, 0, 256, 0, 2, 1, 0, 8, 4, 1};
    words.insert(words.end(), rest.begin(), rest.end());
    return words;
  }

  std::map<uint32_t, ResourceShape> shapes_;
};

constexpr ByteBox kBoxAt100 = {
    .offset = 100, .row_bytes = 32, .rows = 4, .row_stride = 256, .layer_stride = 256 * 64};

TEST_F(BackingAccesses, ATransferToHostReadsItsOwnBacking) {
  const auto accesses = Of(VirglStream().Add(28, {1}).Add(43, Box(kTexture, {100, 1})).words());
  ASSERT_THAT(accesses, SizeIs(1));
  EXPECT_EQ(accesses[0].resource_id, kTexture);
  EXPECT_EQ(accesses[0].box, kBoxAt100);
  EXPECT_FALSE(accesses[0].writes);
  EXPECT_FALSE(accesses[0].unstable);
  EXPECT_EQ(accesses[0].stream_offset, 2u);
}

TEST_F(BackingAccesses, ATransferFromHostWritesItsOwnBacking) {
  const auto accesses = Of(VirglStream().Add(43, Box(kTexture, {100, 2})).words());
  ASSERT_THAT(accesses, SizeIs(1));
  EXPECT_EQ(accesses[0].box, kBoxAt100);
  EXPECT_TRUE(accesses[0].writes);
  EXPECT_FALSE(accesses[0].unstable);
}

TEST_F(BackingAccesses, ACopyTransferReadsTheStagingBackingWithTheTexturesBlocks) {
  const auto accesses = Of(VirglStream().Add(45, Box(kTexture, {kStaging, 100, 1})).words());
  ASSERT_THAT(accesses, SizeIs(1));
  EXPECT_EQ(accesses[0].resource_id, kStaging);
  EXPECT_EQ(accesses[0].box, kBoxAt100);
  EXPECT_FALSE(accesses[0].writes);
}

TEST_F(BackingAccesses, ACopyTransferFromHostWritesTheStagingBacking) {
  const auto accesses = Of(VirglStream().Add(45, Box(kTexture, {kStaging, 100, 3})).words());
  ASSERT_THAT(accesses, SizeIs(1));
  EXPECT_EQ(accesses[0].resource_id, kStaging);
  EXPECT_EQ(accesses[0].box, kBoxAt100);
  EXPECT_TRUE(accesses[0].writes);
}

TEST_F(BackingAccesses, AnInlineWriteTouchesNoBacking) {
  EXPECT_THAT(Of(VirglStream().Add(9, Box(kTexture, {1, 2, 3})).words()), IsEmpty());
}

TEST_F(BackingAccesses, KeepTheOrderOfTheStream) {
  const auto accesses = Of(VirglStream()
                               .Add(45, Box(kTexture, {kStaging, 0, 0}))
                               .Add(43, Box(kTexture, {100, 2}))
                               .Add(50, {kInfoBuffer})
                               .words());
  ASSERT_THAT(accesses, SizeIs(3));
  EXPECT_EQ(accesses[0].stream_offset, 0u);
  EXPECT_EQ(accesses[1].stream_offset, 15u);
  EXPECT_EQ(accesses[2].stream_offset, 29u);
}

TEST_F(BackingAccesses, LeaveOutUnknownResourcesAndGoOn) {
  const auto accesses = Of(VirglStream()
                               .Add(43, Box(kUnknown, {0, 1}))
                               .Add(45, Box(kTexture, {kUnknown, 0, 0}))
                               .Add(45, Box(kUnknown, {kStaging, 0, 0}))
                               .Add(50, {kUnknown})
                               .Add(43, Box(kTexture, {100, 1}))
                               .words());
  ASSERT_THAT(accesses, SizeIs(1));
  EXPECT_EQ(accesses[0].box, kBoxAt100);
}

TEST_F(BackingAccesses, LeaveOutWhatTheRendererRefuses) {
  std::vector<uint32_t> outside = Box(kTexture, {0, 1});
  outside[8] = 63;  // from x = 2: one texel too wide
  EXPECT_THAT(Of(VirglStream().Add(43, outside).words()), IsEmpty());
  EXPECT_THAT(Of(VirglStream().Add(43, Box(kTexture, {0, 3})).words()), IsEmpty());
}

TEST_F(BackingAccesses, StopQuietlyWhereTheStreamIsWrong) {
  const VirglStream good = VirglStream().Add(43, Box(kTexture, {100, 1}));
  EXPECT_THAT(Of(VirglStream(good).Add(64, {}).Add(43, Box(kTexture, {0, 1})).words()), SizeIs(1));
  std::vector<uint32_t> cut = VirglStream(good).Add(43, Box(kTexture, {0, 1})).words();
  cut.pop_back();
  EXPECT_THAT(Of(cut), SizeIs(1));
  EXPECT_THAT(Of({}), IsEmpty());
}

TEST_F(BackingAccesses, StopWhereTheWalkerDoes) {
  const VirglStream good = VirglStream().Add(43, Box(kTexture, {100, 1}));
  // Too short a transfer, clear and object, and an object of no type.
  for (const VirglStream& wrong :
       {VirglStream().Add(43, Box(kTexture, {0})), VirglStream().Add(45, Box(kTexture, {kStaging})),
        VirglStream().Add(7, {1, 2}), VirglStream().Add(1, {1, 2, 3, 4}, 8),
        VirglStream().Add(1, {1}, 12), VirglStream().Add(1, {1}, 0)}) {
    VirglStream stream = good;
    stream.Append(wrong).Append(good);
    EXPECT_THAT(Of(stream.words()), SizeIs(1));
  }
}

TEST_F(BackingAccesses, LeaveOutQueryResults) {
  EXPECT_THAT(Of(VirglStream().Add(1, {5, 0, 0, kInfoBuffer}, 9).Add(21, {5, 1}).words()),
              IsEmpty());
}

TEST_F(BackingAccesses, AResourcesLayoutIsWrittenToTheFirstResource) {
  const auto accesses = Of(VirglStream().Add(63, {kInfoBuffer, kTexture}).words());
  ASSERT_THAT(accesses, SizeIs(1));
  EXPECT_EQ(accesses[0].resource_id, kInfoBuffer);
  EXPECT_EQ(accesses[0].box.TotalBytes(), 80u);
  EXPECT_TRUE(accesses[0].writes);
  EXPECT_TRUE(accesses[0].unstable);
}

TEST_F(BackingAccesses, MemoryInfoWritesItsBufferIfItHasRoom) {
  const auto accesses = Of(VirglStream().Add(50, {kInfoBuffer}).words());
  ASSERT_THAT(accesses, SizeIs(1));
  EXPECT_EQ(accesses[0].box.TotalBytes(), 24u);
  EXPECT_TRUE(accesses[0].unstable);
  shapes_[kInfoBuffer].width = 23;
  EXPECT_THAT(Of(VirglStream().Add(50, {kInfoBuffer}).words()), IsEmpty());
}

}  // namespace
}  // namespace vgpu
