#include "format/protocol/content_hash.h"

#include <gtest/gtest.h>

#include <string_view>

namespace vgpu {
namespace {

Bytes BytesOf(std::string_view text) { return std::as_bytes(std::span(text)); }

// Vectors of the xxHash project's XXH3-128, so that traces stay readable by others.
TEST(ContentHash, IsXxh3With128BitsInCanonicalOrder) {
  EXPECT_EQ(ToHex(HashOf({})), "99aa06d3014798d86001c324468d497f");
}

TEST(ContentHash, OfPiecesIsTheHashOfTheWhole) {
  const std::string text(100'000, 'x');
  ContentHasher hasher;
  hasher.Add(BytesOf(text).first(1));
  hasher.Add({});
  hasher.Add(BytesOf(text).subspan(1, 77'777));
  hasher.Add(BytesOf(text).subspan(77'778));
  EXPECT_EQ(hasher.Finish(), HashOf(BytesOf(text)));
}

TEST(ContentHash, TellsContentsApartByOneBit) {
  EXPECT_NE(HashOf(BytesOf("frame 1")), HashOf(BytesOf("frame 0")));
}

}  // namespace
}  // namespace vgpu
