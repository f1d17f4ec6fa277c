#include "replay/timing/virgl_state.h"

#include <gtest/gtest.h>

#include <random>

#include "format/protocol/content_hash.h"
#include "tests/replay/timing/virgl_words.h"

namespace vgpu {
namespace {

using virgl::kCompute;
using virgl::kContinued;
using virgl::kFragment;
using virgl::kVertex;
using virgl::Stream;

constexpr uint32_t kNone = VirglState::kNone;

class VirglStateTest : public ::testing::Test {
 protected:
  VirglStateTest() { state.CreateContext(1); }

  // The use of the stream's last command. Each stream counts as one virtio-gpu command.
  VirglState::Use Do(Stream stream, uint32_t context = 1) {
    VirglState::Use last;
    ++number;
    const Status walked = WalkVirgl(stream.words(), [&](const VirglCommand& command) {
      last = state.Apply(context, command, number);
    });
    EXPECT_TRUE(walked.has_value()) << (walked ? "" : walked.error().message);
    return last;
  }
  const ShaderIdentity& Drawn(const VirglState::Use& use, uint32_t stage) {
    return state.shaders().at(use.shaders[stage]);
  }

  VirglState state;
  uint64_t number = 0;
};

TEST_F(VirglStateTest, ADrawHasTheShadersThatAreBound) {
  Do(Stream().Shader(5, kVertex, "VERT\nDCL IN[0]\nEND\n").Shader(6, kFragment, "FRAG\nEND"));
  const auto use = Do(Stream().Bind(5, kVertex).Bind(6, kFragment).Draw(36, 2));
  EXPECT_EQ(use.draws, 1u);
  EXPECT_EQ(use.vertices, 72u);
  const ShaderIdentity& vertex = Drawn(use, kVertex);
  EXPECT_EQ(vertex.handle, 5u);
  EXPECT_EQ(vertex.context, 1u);
  EXPECT_EQ(vertex.command, 1u);
  EXPECT_EQ(vertex.first_line, "VERT");
  EXPECT_EQ(vertex.lines, 3u);
  EXPECT_EQ(vertex.bytes, 19u);
  const std::string_view text = "FRAG\nEND";
  EXPECT_EQ(Drawn(use, kFragment).digest, ToHex(HashOf(std::as_bytes(std::span(text)))));
  EXPECT_EQ(Drawn(use, kFragment).lines, 2u);
  EXPECT_EQ(use.shaders[kCompute], kNone);
}

TEST_F(VirglStateTest, WhatIsBoundOutlivesItsHandle) {
  Do(Stream().Shader(5, kVertex, "VERT 1").Bind(5, kVertex).Destroy(5));
  EXPECT_EQ(Drawn(Do(Stream().Draw(3)), kVertex).first_line, "VERT 1");
  // The handle is another shader's now; what is bound is still the old one.
  Do(Stream().Shader(5, kVertex, "VERT 2"));
  EXPECT_EQ(Drawn(Do(Stream().Draw(3)), kVertex).first_line, "VERT 1");
  const auto use = Do(Stream().Bind(5, kVertex).Draw(3));
  EXPECT_EQ(Drawn(use, kVertex).first_line, "VERT 2");
  EXPECT_EQ(Drawn(use, kVertex).command, 3u);
}

TEST_F(VirglStateTest, HandleNoughtUnbinds) {
  Do(Stream().Shader(5, kFragment, "FRAG").Bind(5, kFragment));
  EXPECT_EQ(Do(Stream().Bind(0, kFragment).Draw(3)).shaders[kFragment], kNone);
}

TEST_F(VirglStateTest, AHandleThatIsUnknownOrOfAnotherStageBindsNothing) {
  Do(Stream().Shader(5, kFragment, "FRAG").Bind(5, kFragment).Shader(6, kVertex, "VERT"));
  const auto use = Do(Stream().Bind(77, kFragment).Bind(6, kFragment).Bind(5, 99).Draw(3));
  EXPECT_EQ(Drawn(use, kFragment).handle, 5u);
  // A handle that became another object is no shader any more.
  Do(Stream().Add(1, virgl::kBlendObject, std::vector<uint32_t>(11, 6)));
  EXPECT_EQ(Do(Stream().Bind(6, kVertex).Draw(3)).shaders[kVertex], kNone);
}

TEST_F(VirglStateTest, SubContextsHaveHandlesAndBindingsOfTheirOwn) {
  Do(Stream().MakeSub(1).Shader(5, kVertex, "VERT one").Bind(5, kVertex));
  Do(Stream().MakeSub(2).Shader(5, kVertex, "VERT two").Bind(5, kVertex));
  EXPECT_EQ(Drawn(Do(Stream().Draw(3)), kVertex).first_line, "VERT two");
  EXPECT_EQ(Drawn(Do(Stream().SetSub(1).Draw(3)), kVertex).first_line, "VERT one");
  EXPECT_EQ(Drawn(Do(Stream().SetSub(9).Draw(3)), kVertex).sub_context, 1u);  // there is none
  EXPECT_EQ(Do(Stream().DestroySub(1).Draw(3)).shaders[kVertex], kNone);      // 0 is current
  EXPECT_EQ(Do(Stream().MakeSub(1).Draw(3)).shaders[kVertex], kNone);         // a new one
  EXPECT_EQ(Drawn(Do(Stream().SetSub(2).Draw(3)), kVertex).first_line, "VERT two");
}

TEST_F(VirglStateTest, ContextsHaveHandlesOfTheirOwn) {
  state.CreateContext(2);
  Do(Stream().Shader(5, kVertex, "VERT").Bind(5, kVertex));
  EXPECT_EQ(Do(Stream().Bind(5, kVertex).Draw(3), 2).shaders[kVertex], kNone);
  state.DestroyContext(1);
  state.CreateContext(1);
  EXPECT_EQ(Do(Stream().Draw(3)).shaders[kVertex], kNone);
  EXPECT_EQ(Do(Stream().Draw(3), 77).draws, 0u);  // there is no such context
}

TEST_F(VirglStateTest, ATextInPiecesIsOneText) {
  const std::string text = "FRAG line\nsecond\nthird 1\n";  // 25 bytes, and a NUL
  Do(Stream().ShaderPart(5, kFragment, text.substr(0, 12), 26));
  EXPECT_EQ(state.shaders().back().digest, "");
  const auto use = Do(Stream()
                          .ShaderPart(5, kFragment, text.substr(12, 8), 12 | kContinued)
                          .ShaderPart(5, kFragment, text.substr(20) + '\0', 20 | kContinued));
  const ShaderIdentity& shader = state.shaders().at(use.made_shader);
  EXPECT_EQ(shader.digest, ToHex(HashOf(std::as_bytes(std::span(text)))));
  EXPECT_EQ(shader.lines, 3u);
  EXPECT_EQ(state.shaders().size(), 2u);
}

TEST_F(VirglStateTest, APieceOfNoShaderIsNothing) {
  EXPECT_EQ(Do(Stream().ShaderPart(5, kFragment, "more", 4 | kContinued)).made_shader, kNone);
  EXPECT_EQ(state.shaders().size(), 1u);
}

TEST_F(VirglStateTest, ADispatchHasItsComputeShaderOnly) {
  Do(Stream().Shader(5, kCompute, "COMP\nEND").Bind(5, kCompute));
  Do(Stream().Shader(6, kVertex, "VERT").Bind(6, kVertex));
  const auto use = Do(Stream().Dispatch());
  EXPECT_EQ(Drawn(use, kCompute).first_line, "COMP");
  EXPECT_EQ(use.shaders[kVertex], kNone);
  EXPECT_EQ(Do(Stream().Draw(3)).shaders[kCompute], kNone);
}

TEST_F(VirglStateTest, ADrawGoesIntoWhatTheSurfaceWasMadeOf) {
  state.CreateResource(7, ResourceShape{.target = 2, .width = 8}, 1);
  Do(Stream().Surface(3, 7).Target(3));
  const uint32_t first = Do(Stream().Draw(3)).target;
  EXPECT_EQ(state.resources()[first].id, 7u);
  // The id comes again for another resource; the surface is of the old one.
  state.DestroyResource(7);
  state.CreateResource(7, ResourceShape{.target = 2, .width = 16}, 9);
  EXPECT_EQ(Do(Stream().Draw(3)).target, first);
  const uint32_t second = Do(Stream().Surface(3, 7).Target(3).Draw(3)).target;
  EXPECT_EQ(state.resources()[second].command, 9u);
  EXPECT_EQ(Do(Stream().Target(0).Draw(3)).target, kNone);
}

TEST_F(VirglStateTest, TransfersInAStreamTellTheirBytes) {
  state.CreateResource(7, ResourceShape{.target = 2, .format = 1, .width = 8, .height = 8}, 1);
  const auto up = Do(Stream().Add(43, 0, {7, 0, 0, 0, 0, 0, 0, 0, 4, 2, 1, 0, 1}));
  EXPECT_EQ(up.moved_bytes, 4u * 2 * 4);
  EXPECT_TRUE(up.moved_to_host);
  EXPECT_FALSE(Do(Stream().Add(43, 0, {7, 0, 0, 0, 0, 0, 0, 0, 4, 2, 1, 0, 2})).moved_to_host);
  EXPECT_EQ(Do(Stream().Add(9, 0, {7, 0, 0, 0, 0, 0, 0, 0, 4, 1, 1, 5, 6, 7, 8})).moved_bytes, 16u);
  EXPECT_EQ(Do(Stream().Add(43, 0, {8, 0, 0, 0, 0, 0, 0, 0, 4, 2, 1, 0, 1})).moved, kNone);
}

TEST_F(VirglStateTest, AnAnnouncedShapeIsTakenOnce) {
  Do(Stream().Add(48, 0, {2, 1, 0, 64, 32, 1, 1, 0, 0, 0, 99}));
  EXPECT_EQ(state.TakeAnnounced(1, 98), std::nullopt);
  ASSERT_TRUE(state.TakeAnnounced(1, 99).has_value());
  EXPECT_EQ(state.TakeAnnounced(1, 99), std::nullopt);
}

TEST_F(VirglStateTest, MoreShadersThanThereIsRoomForAreOne) {
  for (uint32_t i = 0; i <= VirglState::kMaxShaders; ++i) {
    Do(Stream().Shader(1 + i, kVertex, "VERT"));
  }
  const auto last = static_cast<uint32_t>(VirglState::kMaxShaders + 1);
  EXPECT_EQ(Do(Stream().Bind(last, kVertex).Draw(3)).shaders[kVertex], VirglState::kOther);
  EXPECT_EQ(Drawn(Do(Stream().Bind(last - 1, kVertex).Draw(3)), kVertex).handle, last - 1);
  EXPECT_EQ(state.shaders().size(), VirglState::kMaxShaders + 1);
}

// Commands of right lengths with any numbers in them: all that the walker lets through.
TEST_F(VirglStateTest, AnyHandlesAndNumbersAreBorne) {
  std::mt19937 random(3);
  const auto number_of = [&] { return random() % 4 == 0 ? random() : random() % 8; };
  uint64_t applied = 0;
  for (int i = 0; i < 30'000; ++i) {
    const VirglCommandInfo* info = FindVirglCommand(random() % 64);
    ASSERT_NE(info, nullptr);
    const uint32_t object = 1 + random() % 11;
    const uint32_t least = std::max(info->min_length, FindVirglObject(object)->min_length);
    std::vector<uint32_t> words(least + random() % 8);
    for (uint32_t& word : words) word = number_of();
    Do(Stream().Add(info->value, object, words));
    if (random() % 16 == 0) state.CreateResource(random() % 8, ResourceShape{.target = 2}, number);
    if (random() % 16 == 0) state.DestroyResource(random() % 8);
    applied += state.ShapeOf(random() % 8) != nullptr;
  }
  EXPECT_GT(applied, 0u);
  EXPECT_GT(state.shaders().size(), 20u);
}

}  // namespace
}  // namespace vgpu
