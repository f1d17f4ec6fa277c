// The renderers themselves: their capsets and fences.
#include "replay/renderer/renderer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>

#include "replay/renderer/loaded_library.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class RendererTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto on_fence = [this](const FenceId& fence) { done_.push_back(fence); };
    if (std::string_view(GetParam()) == "null") {
      renderer_ = CreateNullRenderer(on_fence);
      return;
    }
    setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1);
    auto renderer = CreateVirglRenderer(on_fence, [](const std::string&) {});
    if (!renderer) GTEST_SKIP() << renderer.error().message;
    renderer_ = std::move(*renderer);
  }
  void WaitForFences(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (done_.size() < count && std::chrono::steady_clock::now() < end) {
      renderer_->PollFences(100);
    }
  }

  std::vector<FenceId> done_;
  std::unique_ptr<Renderer> renderer_;
};

TEST_P(RendererTest, FillsTheCapsetsThatItHas) {
  for (const uint32_t id : {1u, 2u}) {
    const CapsetInfo info = renderer_->GetCapset(id);
    EXPECT_EQ(info.id, id);
    EXPECT_GE(info.max_version, 1u);
    EXPECT_GE(info.max_size, 308u);
    EXPECT_EQ(renderer_->FillCapset(id, info.max_version).size(), info.max_size);
  }
  EXPECT_EQ(renderer_->GetCapset(77).max_size, 0u);
  EXPECT_THAT(renderer_->FillCapset(77, 1), IsEmpty());
}

TEST_P(RendererTest, FencesAreReportedInOrderAndOnlyByPolling) {
  ASSERT_EQ(renderer_->CreateContext(1, 0, "test"), 0);
  EXPECT_EQ(renderer_->CreateFence({.id = 0x1'0000'0005}), 0);
  EXPECT_EQ(renderer_->CreateFence({.id = 3}), 0);
  EXPECT_THAT(done_, IsEmpty());
  WaitForFences(2);
  EXPECT_THAT(done_, ElementsAre(FenceId{.id = 0x1'0000'0005}, FenceId{.id = 3}));
}

TEST_P(RendererTest, AContextsOwnTimelineIsReportedAsSuch) {
  ASSERT_EQ(renderer_->CreateContext(1, 0, "test"), 0);
  const FenceId fence{1, 0, true, 0x2'0000'0001};
  EXPECT_EQ(renderer_->CreateFence(fence), 0);
  WaitForFences(1);
  EXPECT_THAT(done_, ElementsAre(fence));
}

TEST_P(RendererTest, AFenceOfAContextThatGoesIsReported) {
  ASSERT_EQ(renderer_->CreateContext(1, 0, "test"), 0);
  const FenceId fence{1, 0, true, 9};
  EXPECT_EQ(renderer_->CreateFence(fence), 0);
  renderer_->DestroyContext(1);
  renderer_->PollFences(0);
  EXPECT_THAT(done_, ElementsAre(fence));
}

TEST_P(RendererTest, PollingWithNothingOutstandingDoesNotBlock) {
  const auto begin = std::chrono::steady_clock::now();
  renderer_->PollFences(60'000);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST_P(RendererTest, FencesWorkAfterAReset) {
  renderer_->CreateFence({.id = 1});
  renderer_->Reset();
  ASSERT_EQ(renderer_->CreateContext(1, 0, "test"), 0);
  EXPECT_EQ(renderer_->CreateFence({.id = 2}), 0);
  WaitForFences(1);
  EXPECT_THAT(done_, ElementsAre(FenceId{.id = 2}));
}

TEST_P(RendererTest, ABlobOfHostMemoryIsMappedWhereItCanBe) {
  wire::ResourceCreateBlob request;
  request.resource_id = 4;
  request.blob_mem = kBlobMemHost3d;
  request.blob_flags = kBlobFlagMappable;
  request.blob_id = 8;
  request.size = 4096;
  std::span<std::byte> mapped;
  EXPECT_NE(renderer_->MapBlob(4, mapped), 0);
  ASSERT_EQ(renderer_->CreateContext(1, 0, "test"), 0);
  std::vector<uint32_t> stream = {48 | 11 << 16, 0, 64, 0x10, 4096, 1, 1, 1, 0, 0, 6, 8};
  ASSERT_EQ(renderer_->Submit(1, stream), 0);
  ASSERT_EQ(renderer_->CreateBlob(request, 1, {}), 0);
  ASSERT_EQ(renderer_->MapBlob(4, mapped), 0);
  EXPECT_GE(mapped.size(), 4096u);
  mapped[4095] = std::byte{1};
  EXPECT_EQ(renderer_->UnmapBlob(4), 0);
  renderer_->UnrefResource(4);
}

// Mesa 22.3's software driver crashes when it is asked.
TEST_P(RendererTest, NoTextureIsExportedWhereNoRenderNodeDraws) {
  ASSERT_EQ(
      renderer_->CreateResource(
          1, {.target = 2, .format = 1, .bind = 1u << 1 | kBindScanout, .width = 64, .height = 64}),
      0);
  TextureExport texture;
  EXPECT_NE(renderer_->ExportTexture(1, texture), 0);
  EXPECT_EQ(texture.fd, -1);
}

INSTANTIATE_TEST_SUITE_P(, RendererTest, testing::Values("null", "virgl"),
                         [](const auto& test) { return std::string(test.param); });

TEST(VirglRenderer, TellsWhatItDrawsWith) {
  setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1);
  std::vector<std::string> log;
  auto renderer = CreateVirglRenderer([](const FenceId&) {},
                                      [&](const std::string& line) { log.push_back(line); });
  if (!renderer) GTEST_SKIP() << renderer.error().message;
  const RendererInfo info = (*renderer)->Info();
  EXPECT_EQ(info.name, "virglrenderer");
  EXPECT_THAT(info.version, testing::MatchesRegex("[0-9]+\\.[0-9]+.*"));
  EXPECT_THAT(info.gl_renderer, Not(IsEmpty()));
  EXPECT_THAT(info.gl_vendor, Not(IsEmpty()));
  EXPECT_THAT(info.gl_version, testing::HasSubstr("."));
  EXPECT_THAT(info.library,
              testing::MatchesRegex("libvirglrenderer\\.so\\.[0-9.]+, build [0-9a-f]{12}"));
  EXPECT_THAT(log, IsEmpty());
}

TEST(LoadedLibrary, IsOneOfThisProcess) {
  EXPECT_THAT(LoadedLibrary("libstdc++.so"), testing::StartsWith("libstdc++.so.6."));
  EXPECT_EQ(LoadedLibrary("libnothing.so"), "");
}

TEST(VirglRenderer, PassesOnWhatTheLibrarySaysOfAFault) {
  setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1);
  std::vector<std::string> log;
  auto renderer = CreateVirglRenderer([](const FenceId&) {},
                                      [&](const std::string& line) { log.push_back(line); });
  if (!renderer) GTEST_SKIP() << renderer.error().message;
  ASSERT_EQ((*renderer)->CreateContext(1, 0, "faulty"), 0);
  std::vector<uint32_t> bind_nothing = {2 | 1 << 8 | 1 << 16, 77};  // BIND_OBJECT BLEND
  (void)(*renderer)->Submit(1, bind_nothing);
  EXPECT_THAT(log, testing::Contains(testing::HasSubstr("context error")));
  (*renderer)->DestroyContext(1);
}

// What makes EGL unusable, and a word of the sentence that says so.
struct Missing {
  const char *name, *variable, *value, *sentence;
};

class VirglRendererMissing : public testing::TestWithParam<Missing> {
 protected:
  void TearDown() override { unsetenv(GetParam().variable); }
};

TEST_P(VirglRendererMissing, IsUnavailableWithASentence) {
  // A process of its own: EGL looks for its drivers once.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  setenv(GetParam().variable, GetParam().value, 1);
  // Mesa from 24.2 on has its drivers in one library, and looks in no folder. Other drivers look at
  // none of Mesa's variables.
  constexpr int kStarted = 1, kStartedWithoutMesa = 3;
  int code = 0;
  const auto ended = [&](int status) {
    code = WIFEXITED(status) ? WEXITSTATUS(status) : 2;
    return code == kStarted || code == kStartedWithoutMesa || code == 77;
  };
  const std::string said = std::string("(") + GetParam().sentence + ")|the renderer started";
  EXPECT_EXIT(
      {
        const auto renderer = CreateVirglRenderer([](const FenceId&) {}, [](const std::string&) {});
        if (renderer) {
          fputs("the renderer started", stderr);
          const bool mesa = renderer.value()->Info().gl_version.find("Mesa") != std::string::npos;
          _exit(mesa ? kStarted : kStartedWithoutMesa);
        }
        fputs(renderer.error().message.c_str(), stderr);
        _exit(renderer.error().code == ErrorCode::kUnavailable ? 77 : 2);
      },
      ended, said);
  const std::string_view variable = GetParam().variable;
  if (code == kStarted && variable == "LIBGL_DRIVERS_PATH") {
    GTEST_SKIP() << "this Mesa takes its drivers from no folder";
  }
  if (code == kStartedWithoutMesa && !variable.starts_with("__EGL")) {
    GTEST_SKIP() << "this GL driver is not Mesa's";
  }
  EXPECT_EQ(code, 77);
}

INSTANTIATE_TEST_SUITE_P(, VirglRendererMissing,
                         testing::Values(Missing{"EglDrivers", "__EGL_VENDOR_LIBRARY_FILENAMES",
                                                 "/nonexistent", "no surfaceless platform"},
                                         Missing{"GlDrivers", "LIBGL_DRIVERS_PATH", "/nonexistent",
                                                 "EGL"},
                                         Missing{"GlVersion", "MESA_GL_VERSION_OVERRIDE", "2.1",
                                                 "no context of OpenGL 3.1"}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace vgpu
