#include "format/protocol/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "format/protocol/limits.h"

namespace vgpu {
namespace {

using testing::HasSubstr;

constexpr CommandType kAllCommands[] = {
#define VGPU_COMMAND(NAME, value, queue, feature, Request, OK_RESPONSE, Trailing) CommandType::NAME,
#include "format/protocol/virtio_gpu.def"
};

// The smallest request of a type that carries two entries or dwords where it can carry some.
std::vector<std::byte> WholeRequest(CommandType type) {
  const CommandInfo* info = FindCommand(static_cast<uint32_t>(type));
  std::vector<std::byte> out(info->request_size);
  wire::CtrlHeader header;
  header.type = static_cast<uint32_t>(type);
  std::memcpy(out.data(), &header, sizeof(header));
  if (type == CommandType::RESOURCE_ATTACH_BACKING) {
    auto request = MakeRequest<wire::AttachBacking>(type);
    request.nr_entries = 2;
    out = EncodeRequest(request, std::vector<wire::MemEntry>(2));
  } else if (type == CommandType::RESOURCE_CREATE_BLOB) {
    auto request = MakeRequest<wire::ResourceCreateBlob>(type);
    request.nr_entries = 2;
    out = EncodeRequest(request, std::vector<wire::MemEntry>(2));
  } else if (type == CommandType::SUBMIT_3D) {
    auto request = MakeRequest<wire::Submit3d>(type);
    request.size = 8;
    out = EncodeRequest(request, std::vector<std::byte>(8));
  }
  return out;
}

std::string ErrorOf(Bytes request) {
  const auto decoded = DecodeRequest(request);
  return decoded ? "no error" : decoded.error().message;
}

class EveryCommand : public testing::TestWithParam<CommandType> {};

TEST_P(EveryCommand, DecodesWhenWhole) {
  const auto request = WholeRequest(GetParam());
  const auto decoded = DecodeRequest(request);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(decoded->info->type, GetParam());
  EXPECT_EQ(decoded->fixed.size(), decoded->info->request_size);
  EXPECT_EQ(decoded->fixed.size() + decoded->trailing.size(), request.size());
}

TEST_P(EveryCommand, CutAtAnyByteIsASentenceWithTheSize) {
  const auto request = WholeRequest(GetParam());
  for (std::size_t size = 0; size < request.size(); ++size) {
    // A copy of its own, so that a sanitizer sees a read past its end.
    const std::vector<std::byte> cut(request.begin(), request.begin() + size);
    const auto decoded = DecodeRequest(cut);
    ASSERT_FALSE(decoded.has_value()) << size << " of " << request.size() << " bytes decode";
    const std::size_t fixed = FindCommand(static_cast<uint32_t>(GetParam()))->request_size;
    const std::size_t named = size < fixed ? size : size - fixed;
    EXPECT_THAT(decoded.error().message, HasSubstr(std::to_string(named)));
  }
}

TEST_P(EveryCommand, MayBeLongerThanItNeeds) {
  auto request = WholeRequest(GetParam());
  request.resize(request.size() + 5);
  EXPECT_EQ(ErrorOf(request), "no error");
}

INSTANTIATE_TEST_SUITE_P(Table, EveryCommand, testing::ValuesIn(kAllCommands),
                         [](const auto& test) { return std::string(CommandName(test.param)); });

TEST(DecodeRequest, GivesTheStructBackAsItWasEncoded) {
  auto request = MakeRequest<wire::ResourceCreate3d>(CommandType::RESOURCE_CREATE_3D, 3);
  request.resource_id = 5;
  request.format = 67;
  request.flags = 1;
  const auto bytes = EncodeRequest(request);
  const auto decoded = DecodeRequest(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->header.ctx_id, 3u);
  const auto back = decoded->As<wire::ResourceCreate3d>();
  EXPECT_EQ(std::memcmp(&back, &request, sizeof(back)), 0);
}

TEST(DecodeRequest, GivesTheEntriesInOrder) {
  auto request = MakeRequest<wire::AttachBacking>(CommandType::RESOURCE_ATTACH_BACKING);
  request.nr_entries = 2;
  std::vector<wire::MemEntry> entries(2);
  entries[0].addr = 0x1000;
  entries[0].length = 4096;
  entries[1].addr = 0xfffffffff000;
  entries[1].length = 1;
  const auto bytes = EncodeRequest(request, entries);
  const auto decoded = DecodeRequest(bytes);
  ASSERT_TRUE(decoded.has_value());
  const auto back = decoded->Entries();
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back[0].addr, 0x1000u);
  EXPECT_EQ(back[1].addr, 0xfffffffff000u);
  EXPECT_EQ(back[1].length, 1u);
}

TEST(DecodeRequest, GivesNoEntriesForACommandWithoutThem) {
  const auto bytes = WholeRequest(CommandType::SUBMIT_3D);
  EXPECT_TRUE(DecodeRequest(bytes)->Entries().empty());
}

TEST(DecodeRequest, RefusesAnUnknownType) {
  std::vector<std::byte> bytes(64);
  bytes[0] = std::byte{0x0b};
  bytes[1] = std::byte{0x02};
  EXPECT_EQ(ErrorOf(bytes), "command type 0x020b is unknown");
}

TEST(DecodeRequest, RefusesMoreEntriesThanTheCapEvenWhereTheyFit) {
  auto request = MakeRequest<wire::AttachBacking>(CommandType::RESOURCE_ATTACH_BACKING);
  request.nr_entries = limits::kMaxBackingEntries + 1;
  const auto bytes =
      EncodeRequest(request, std::vector<wire::MemEntry>(limits::kMaxBackingEntries + 1));
  EXPECT_EQ(ErrorOf(bytes), "RESOURCE_ATTACH_BACKING: nr_entries is 16385, the limit is 16384");
}

TEST(DecodeRequest, RefusesEntriesThatDoNotFollow) {
  auto request = MakeRequest<wire::ResourceCreateBlob>(CommandType::RESOURCE_CREATE_BLOB);
  request.nr_entries = 3;
  const auto bytes = EncodeRequest(request, std::vector<wire::MemEntry>(2));
  EXPECT_EQ(ErrorOf(bytes),
            "RESOURCE_CREATE_BLOB: nr_entries is 3, which takes 48 bytes, but 32 follow");
}

TEST(DecodeRequest, RefusesAStreamThatIsNoDwords) {
  auto request = MakeRequest<wire::Submit3d>(CommandType::SUBMIT_3D);
  request.size = 6;
  EXPECT_EQ(ErrorOf(EncodeRequest(request, std::vector<std::byte>(8))),
            "SUBMIT_3D: size is 6 bytes, not a multiple of 4");
}

TEST(DecodeRequest, RefusesAStreamLargerThanTheCapWithoutReadingIt) {
  auto request = MakeRequest<wire::Submit3d>(CommandType::SUBMIT_3D);
  request.size = 0xfffffffc;
  EXPECT_EQ(ErrorOf(EncodeRequest(request)),
            "SUBMIT_3D: size is 4294967292 bytes, the limit is 268435456");
}

TEST(DecodeRequest, CutsTheStreamAtItsAnnouncedSize) {
  auto request = MakeRequest<wire::Submit3d>(CommandType::SUBMIT_3D);
  request.size = 4;
  const auto bytes = EncodeRequest(request, std::vector<std::byte>(12));
  EXPECT_EQ(DecodeRequest(bytes)->trailing.size(), 4u);
}

TEST(EncodeResponse, EchoesTheFenceWithItsContextAndRing) {
  wire::CtrlHeader request;
  request.type = static_cast<uint32_t>(CommandType::SUBMIT_3D);
  request.flags = kFlagFence | kFlagInfoRingIdx;
  request.fence_id = 77;
  request.ctx_id = 3;
  request.ring_idx = 9;
  const auto bytes = EncodeResponse(ResponseType::OK_NODATA, request);
  const auto response = DecodeResponse(bytes);
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->type, 0x1100u);
  EXPECT_EQ(response->header.flags, kFlagFence | kFlagInfoRingIdx);
  EXPECT_EQ(response->header.fence_id, 77u);
  EXPECT_EQ(response->header.ctx_id, 3u);
  EXPECT_EQ(response->header.ring_idx, 9);
}

TEST(EncodeResponse, EchoesNothingWithoutAFence) {
  wire::CtrlHeader request;
  request.fence_id = 77;
  request.ctx_id = 3;
  const auto bytes = EncodeResponse(ResponseType::ERR_UNSPEC, request);
  const auto response = DecodeResponse(bytes);
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->header.flags, 0u);
  EXPECT_EQ(response->header.fence_id, 0u);
  EXPECT_EQ(response->header.ctx_id, 0u);
}

TEST(DecodeResponse, GivesACapsetAsWhatFollows) {
  const std::vector<std::byte> capset(308, std::byte{1});
  const auto bytes = EncodeResponse(ResponseType::OK_CAPSET, wire::CtrlHeader{}, Bytes(capset));
  EXPECT_EQ(DecodeResponse(bytes)->trailing.size(), 308u);
}

TEST(DecodeResponse, RefusesOneThatIsTooShortOrUnknown) {
  auto bytes = EncodeResponse(ResponseType::OK_EDID, wire::CtrlHeader{}, wire::RespEdid{});
  EXPECT_TRUE(DecodeResponse(bytes).has_value());
  bytes.pop_back();
  EXPECT_EQ(DecodeResponse(bytes).error().message,
            "OK_EDID: the response has 1055 bytes, it needs 1056");
  bytes[0] = std::byte{0x77};
  EXPECT_EQ(DecodeResponse(bytes).error().message, "response type 0x1177 is unknown");
  EXPECT_EQ(DecodeResponse(Bytes(bytes).first(23)).error().message,
            "the response has 23 bytes, its header needs 24");
}

TEST(WordsOf, CopiesOnlyWhatIsNotAligned) {
  alignas(4) std::byte bytes[13] = {};
  bytes[5] = std::byte{1};
  std::vector<uint32_t> storage;
  EXPECT_EQ(static_cast<const void*>(WordsOf(Bytes(bytes).first(12), storage).data()), bytes);
  EXPECT_TRUE(storage.empty());
  const auto words = WordsOf(Bytes(bytes).subspan(1, 12), storage);
  EXPECT_EQ(words.data(), storage.data());
  EXPECT_THAT(words, testing::ElementsAre(0u, 1u, 0u));
}

}  // namespace
}  // namespace vgpu
