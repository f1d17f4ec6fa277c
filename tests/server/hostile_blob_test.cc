// Blobs that cannot be, in the window and elsewhere.
#include "tests/server/hostile_guest.h"

namespace vgpu::test {
namespace {

// Against blobs of 0 bytes or more than their entries, and pictures outside of their blob.

TEST_F(HostileGuest, BlobsThatCannotBeAreRefused) {
  COVERS(RESOURCE_CREATE_BLOB, ERR_INVALID_PARAMETER);
  COVERS(RESOURCE_CREATE_BLOB, ERR_OUT_OF_MEMORY);
  ASSERT_TRUE(Boot()) << why_;
  Expect(ask::CreateContext(1));
  const Pieces page = Scattered(4096);
  const auto create = [&](uint32_t memory, uint64_t size, const Pieces& pieces) {
    return Answer(CreateBlob(1, ask::Blob(1, memory, size), pieces));
  };
  for (const uint32_t memory : {kBlobMemGuest, kBlobMemHost3d, kBlobMemHost3dGuest}) {
    EXPECT_EQ(create(memory, 0, {}), "ERR_INVALID_PARAMETER");
    EXPECT_EQ(create(memory, 0, page), "ERR_INVALID_PARAMETER");
  }
  for (const uint32_t memory : {0u, 4u, kMax}) {
    EXPECT_EQ(create(memory, 4096, page), "ERR_INVALID_PARAMETER");
  }
  EXPECT_EQ(create(kBlobMemHost3d, 4096, page), "ERR_INVALID_PARAMETER");
  for (const uint64_t size : {uint64_t{4097}, uint64_t{1} << 32, ~uint64_t{0}}) {
    EXPECT_EQ(create(kBlobMemGuest, size, page), "ERR_INVALID_PARAMETER") << size;
    EXPECT_EQ(create(kBlobMemGuest, size, {}), "ERR_INVALID_PARAMETER") << size;
  }
  EXPECT_EQ(create(kBlobMemHost3dGuest, 4097, page), "ERR_INVALID_PARAMETER");
  for (const uint64_t size : {uint64_t{1} << 40, ~uint64_t{0}, ~uint64_t{0} - 1024}) {
    EXPECT_EQ(create(kBlobMemHost3d, size, {}), "ERR_OUT_OF_MEMORY") << size;
  }
  EXPECT_TRUE(renderer().resources.empty());
  EXPECT_EQ(guest().memory().used(), 0u);
  EXPECT_EQ(create(kBlobMemGuest, 4096, page), "OK_NODATA");
}

TEST_F(HostileGuest, PicturesThatAreNotInsideTheirBlobAreRefused) {
  COVERS(SET_SCANOUT_BLOB, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot()) << why_;
  Expect(CreateBlob(0, ask::Blob(1, kBlobMemGuest, 4096), Scattered(4096)));
  EXPECT_EQ(Show(1, 32, 32, 128, 0), "OK_NODATA");
  EXPECT_EQ(Show(1, 32, 32, 127, 0), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, 32, 32, 0, 0), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, 32, 32, 129, 0), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, 32, 32, 128, 1), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, 32, 32, 128, kMax), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, 32, 2, kMax, 0), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, 32, 1, 0x80000000, 0), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, kMax, kMax, kMax, 0), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(Show(1, 0x40000000, 1, 0, 0), "ERR_INVALID_PARAMETER");  // 4 GiB a row
  for (const uint32_t format : {0u, 107u, 9999u, kMax}) {
    EXPECT_EQ(Show(1, 8, 8, 32, 0, format), "ERR_INVALID_PARAMETER") << format;
  }
}

// Against maps that are twice, not there, or no whole pages.

TEST_F(HostileGuest, MapsThatCannotBeAreRefused) {
  COVERS(RESOURCE_MAP_BLOB, ERR_INVALID_PARAMETER);
  COVERS(RESOURCE_UNMAP_BLOB, ERR_INVALID_PARAMETER);
  ASSERT_TRUE(Boot({.window_bytes = 1u << 20})) << why_;
  Expect(ask::CreateContext(1));
  Expect(CreateBlob(1, ask::Blob(1, kBlobMemHost3d, 8192), {}));
  auto fixed = ask::Blob(2, kBlobMemHost3d, 8192);
  fixed.blob_flags = 0;
  Expect(CreateBlob(1, fixed, {}));
  const Request unmap = ask::ForResource(CommandType::RESOURCE_UNMAP_BLOB, 1);
  Expect(ask::MapBlob(2, 0), "ERR_INVALID_PARAMETER");
  Expect(unmap, "ERR_INVALID_PARAMETER");
  for (const uint64_t offset : {uint64_t{1}, uint64_t{4095}, ~uint64_t{0}, ~uint64_t{0} - 4095}) {
    Expect(ask::MapBlob(1, offset), "ERR_INVALID_PARAMETER");
  }
  EXPECT_EQ(Answer(ask::MapBlob(1, 4096)), "OK_MAP_INFO");
  Expect(ask::MapBlob(1, 4096), "ERR_INVALID_PARAMETER");
  Expect(ask::MapBlob(1, 65536), "ERR_INVALID_PARAMETER");
  Expect(unmap);
  Expect(unmap, "ERR_INVALID_PARAMETER");
}

TEST_F(HostileGuest, AMappedBlobMayGo) {
  ASSERT_TRUE(Boot({.window_bytes = 1u << 20})) << why_;
  Expect(ask::CreateContext(1));
  Expect(CreateBlob(1, ask::Blob(1, kBlobMemHost3d, 8192), {}));
  EXPECT_EQ(Answer(ask::MapBlob(1, 0)), "OK_MAP_INFO");
  Expect(ask::Unref(1));
  EXPECT_TRUE(renderer().mapped.empty());
  Expect(CreateBlob(1, ask::Blob(1, kBlobMemHost3d, 8192), {}));
  EXPECT_EQ(Answer(ask::MapBlob(1, 0)), "OK_MAP_INFO");
}

// Against the reading of what another had.

TEST_F(HostileGuest, MemoryOfTheHostComesEmpty) {
  ASSERT_TRUE(Boot({.window_bytes = 1u << 20})) << why_;
  Expect(ask::CreateContext(1));
  for (int round = 0; round < 3; ++round) {
    Expect(CreateBlob(1, ask::Blob(1, kBlobMemHost3d, 8192), {}));
    EXPECT_EQ(Answer(ask::MapBlob(1, 0)), "OK_MAP_INFO");
    const std::span<const std::byte> mapped = guest().device().MappedOf(1);
    ASSERT_EQ(mapped.size(), 8192u);
    EXPECT_THAT(mapped, testing::Each(std::byte{0}));
    std::memset(const_cast<std::byte*>(mapped.data()), 0xee, mapped.size());
    Expect(ask::Unref(1));
  }
}

TEST_F(HostileGuest, AResourceOfTheRealRendererComesEmpty) {
  if (!Boot({.virgl = true})) GTEST_SKIP() << why_;
  Expect(ask::CreateContext(1));
  constexpr uint32_t kSide = 64, kBytes = kSide * kSide * 4;
  const Pieces pieces = Scattered(kBytes);
  const std::vector<std::byte> secret(kBytes, std::byte{0xee});
  for (const uint32_t target : {kBuffer, kTexture, kBuffer, kTexture}) {
    const bool buffer = target == kBuffer;
    const wire::Box all{0, 0, 0, buffer ? kBytes : kSide, buffer ? 1 : kSide, 1};
    Expect(ask::Create3d(1, target, all.w, all.h));
    Expect(ask::AttachToContext(1, 1));
    Expect(Attach(1, pieces));
    Write(pieces, secret);
    Expect(ask::FromHost3d(1, ask::Transfer3d(1, all)));
    EXPECT_THAT(Read(pieces), testing::Each(std::byte{0}));
    Write(pieces, secret);
    Expect(ask::ToHost3d(1, ask::Transfer3d(1, all)));
    Expect(ask::Unref(1));
  }
}

}  // namespace
}  // namespace vgpu::test
