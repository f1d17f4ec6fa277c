#include "format/protocol/virgl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/format/protocol/virgl_stream.h"

namespace vgpu {
namespace {

using testing::ElementsAre;

std::string WalkError(std::span<const uint32_t> stream) {
  const Status status = WalkVirgl(stream, [](const VirglCommand&) {});
  return status ? "no error" : status.error().message;
}

std::vector<std::string> NamesIn(std::span<const uint32_t> stream) {
  std::vector<std::string> names;
  (void)WalkVirgl(stream, [&](const VirglCommand& c) { names.emplace_back(c.info->name); });
  return names;
}

TEST(VirglTable, HasTheCommandsOfTheProtocolByNumber) {
  EXPECT_EQ(FindVirglCommand(0)->name, "NOP");
  EXPECT_EQ(FindVirglCommand(8)->name, "DRAW_VBO");
  EXPECT_EQ(FindVirglCommand(27)->name, "SET_UNIFORM_BUFFER");
  EXPECT_EQ(FindVirglCommand(43)->name, "TRANSFER3D");
  EXPECT_EQ(FindVirglCommand(51)->name, "SEND_STRING_MARKER");
  EXPECT_EQ(FindVirglCommand(61)->name, "END_FRAME");
  EXPECT_EQ(FindVirglCommand(63)->name, "GET_PIPE_RESOURCE_LAYOUT");
  EXPECT_EQ(FindVirglCommand(64), nullptr);
  EXPECT_EQ(VirglObjectName(6), "SAMPLER_VIEW");
  EXPECT_EQ(VirglObjectName(11), "MSAA_SURFACE");
  EXPECT_EQ(VirglObjectName(12), "UNKNOWN");
}

TEST(WalkVirgl, VisitsCommandsInOrderWithTheirPlaces) {
  const VirglStream stream = VirglStream().Add(28, {7}).Add(0, {}).Add(5, {1, 0, 9}).Add(1, {3}, 5);
  std::vector<uint32_t> offsets, objects;
  std::vector<std::size_t> lengths;
  const Status status = WalkVirgl(stream.words(), [&](const VirglCommand& c) {
    offsets.push_back(c.offset);
    objects.push_back(c.object);
    lengths.push_back(c.words.size());
  });
  EXPECT_TRUE(status.has_value());
  EXPECT_THAT(offsets, ElementsAre(0, 2, 3, 7));
  EXPECT_THAT(objects, ElementsAre(0, 0, 0, 5));
  EXPECT_THAT(lengths, ElementsAre(1, 0, 3, 1));
}

TEST(WalkVirgl, OfAnEmptyStreamIsFine) { EXPECT_EQ(WalkError({}), "no error"); }

TEST(WalkVirgl, NamesTheDwordOfAnUnknownCommand) {
  const VirglStream stream = VirglStream().Add(28, {1}).Add(64, {});
  EXPECT_EQ(WalkError(stream.words()), "dword 2: command 64 is unknown, the last known is 63");
  EXPECT_THAT(NamesIn(stream.words()), ElementsAre("SET_SUB_CTX"));
}

TEST(WalkVirgl, NamesTheDwordOfALengthThatPassesTheEnd) {
  std::vector<uint32_t> words = VirglStream().Add(28, {1}).Add(7, std::vector<uint32_t>(8)).words();
  words.pop_back();
  EXPECT_EQ(WalkError(words), "dword 2: CLEAR has 8 dwords, but the stream ends after 7");
}

TEST(WalkVirgl, NamesTheDwordOfACommandThatIsTooShort) {
  const VirglStream stream = VirglStream().Add(29, {1}).Add(28, {1}).Add(8, {0, 3});
  EXPECT_EQ(WalkError(stream.words()), "dword 4: DRAW_VBO has 2 dwords, it needs 12");
  EXPECT_THAT(NamesIn(stream.words()), ElementsAre("CREATE_SUB_CTX", "SET_SUB_CTX"));
}

TEST(WalkVirgl, DemandsOfCreateObjectWhatItsObjectNeeds) {
  EXPECT_EQ(WalkError(VirglStream().Add(1, {1, 2, 3, 4}, 8).words()),
            "dword 0: CREATE_OBJECT SURFACE has 4 dwords, it needs 5");
  EXPECT_EQ(WalkError(VirglStream().Add(1, {1, 2, 3, 4, 5}, 8).words()), "no error");
  EXPECT_EQ(WalkError(VirglStream().Add(1, {1}, 12).words()),
            "dword 0: CREATE_OBJECT of object type 12, the last known is 11");
  EXPECT_EQ(WalkError(VirglStream().Add(1, {1}, 0).words()),
            "dword 0: CREATE_OBJECT of object type 0, the last known is 11");
}

TEST(WalkVirgl, AcceptsEveryCommandAtItsLeastLengthAndNoneBelow) {
  for (uint32_t value = 0; FindVirglCommand(value) != nullptr; ++value) {
    const uint32_t least = FindVirglCommand(value)->min_length;
    const uint32_t object = value == 1 ? 5 : 0;  // VERTEX_ELEMENTS needs no more than a handle
    EXPECT_EQ(WalkError(VirglStream().Add(value, std::vector<uint32_t>(least), object).words()),
              "no error");
    if (least == 0) continue;
    const VirglStream shorter = VirglStream().Add(value, std::vector<uint32_t>(least - 1), object);
    EXPECT_NE(WalkError(shorter.words()), "no error") << FindVirglCommand(value)->name;
  }
}

TEST(WalkVirgl, SeesNothingAfterAStreamCutAnywhere) {
  const VirglStream stream =
      VirglStream().Add(28, {1}).Add(7, std::vector<uint32_t>(8)).Add(44, {});
  const std::span<const uint32_t> words(stream.words());
  for (std::size_t size = 0; size <= words.size(); ++size) {
    const std::vector<uint32_t> cut(words.begin(), words.begin() + size);
    const bool at_a_command = size == 0 || size == 2 || size == 11 || size == 12;
    EXPECT_EQ(WalkError(cut) == "no error", at_a_command) << size;
  }
}

}  // namespace
}  // namespace vgpu
