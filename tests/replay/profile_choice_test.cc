// Which profile of a golden set fits an environment best.
#include "replay/golden/profile_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpu {
namespace {

GoldenEnvironment Llvmpipe(const std::string& mesa, const std::string& llvm) {
  return {"Mesa",
          "llvmpipe (LLVM " + llvm + ", 256 bits)",
          "4.5 (Core Profile) Mesa " + mesa,
          mesa,
          "virglrenderer 0.10.4",
          "0.1.0"};
}
GoldenEnvironment Nvidia(const std::string& card) {
  return {"NVIDIA Corporation",   "NVIDIA GeForce " + card + "/PCIe/SSE2",
          "4.6.0 NVIDIA 550.54",  "",
          "virglrenderer 0.10.4", "0.1.0"};
}

GoldenManifest SetOf(std::vector<std::pair<std::string, GoldenEnvironment>> profiles) {
  GoldenManifest manifest;
  for (auto& [name, environment] : profiles) {
    GoldenProfile& profile = manifest.profiles.emplace_back();
    profile.name = name;
    profile.environment = environment;
  }
  return manifest;
}

struct Chosen {
  std::string name;
  ProfileMatch match;
  bool operator==(const Chosen&) const = default;
};
Chosen Choose(const GoldenManifest& manifest, const GoldenEnvironment& here) {
  const ProfileChoice choice = ChooseProfile(manifest, here);
  return {choice.profile->name, choice.match};
}

TEST(ProfileChoiceTest, WhatHasMoreInCommonIsChosenWhereverItStands) {
  const GoldenManifest manifest = SetOf({{"nvidia", Nvidia("RTX 3080")},
                                         {"mesa24", Llvmpipe("24.1.0", "17.0.6")},
                                         {"mesa22", Llvmpipe("22.3.6", "15.0.6")},
                                         {"mesa22-next", Llvmpipe("22.3.9", "15.0.7")}});
  using enum ProfileMatch;
  EXPECT_EQ(Choose(manifest, Llvmpipe("22.3.6", "15.0.6")), (Chosen{"mesa22", kEnvironment}));
  EXPECT_EQ(Choose(manifest, Llvmpipe("22.3.9", "15.0.6")), (Chosen{"mesa22", kRendererAndMesa}));
  EXPECT_EQ(Choose(manifest, Llvmpipe("22.0.0", "15.0.7")),
            (Chosen{"mesa22-next", kRendererAndMesa}));
  EXPECT_EQ(Choose(manifest, Llvmpipe("24.3.0", "19.1.7")), (Chosen{"mesa24", kFamilyAndMesa}));
  EXPECT_EQ(Choose(manifest, Llvmpipe("25.0.7", "19.1.7")), (Chosen{"mesa24", kFamily}));
  EXPECT_EQ(Choose(manifest, Nvidia("GTX 1060")), (Chosen{"nvidia", kFamilyAndMesa}));
  GoldenEnvironment other = Nvidia("RTX 3080");
  other.gl_renderer = "Quadro P400/PCIe/SSE2";
  EXPECT_EQ(Choose(manifest, other), (Chosen{"nvidia", kVendor}));
  other.gl_vendor = "AMD";
  EXPECT_EQ(Choose(manifest, other), (Chosen{"nvidia", kNothing}));  // the first
}

TEST(ProfileChoiceTest, OurOwnVersionDoesNotCount) {
  GoldenEnvironment here = Llvmpipe("22.3.6", "15.0.6");
  const GoldenManifest manifest = SetOf({{"a", here}});
  here.vgpu = "9.9.9";
  EXPECT_EQ(Choose(manifest, here), (Chosen{"a", ProfileMatch::kEnvironment}));
}

TEST(ProfileChoiceTest, WithoutGlTheRendererItselfIsWhatFits) {
  GoldenEnvironment software{"", "", "", "", "software 0.1.0", "0.1.0"};
  const GoldenManifest manifest = SetOf({{"gl", Llvmpipe("22.3.6", "15.0.6")}, {"2d", software}});
  software.renderer = "software 0.2.0";
  EXPECT_EQ(Choose(manifest, software), (Chosen{"2d", ProfileMatch::kFamilyAndMesa}));
  software.renderer = "null 0.2.0";
  EXPECT_EQ(Choose(manifest, software), (Chosen{"gl", ProfileMatch::kNothing}));
}

TEST(ProfileChoiceTest, AFamilyIsTheFirstWordOfARenderer) {
  const auto family = [](const char* gl_renderer) {
    GoldenEnvironment environment;
    environment.gl_renderer = gl_renderer;
    return RendererFamily(environment);
  };
  EXPECT_EQ(family("llvmpipe (LLVM 15.0.6, 256 bits)"), "llvmpipe");
  EXPECT_EQ(family("Mesa Intel(R) UHD Graphics 630 (CFL GT2)"), "intel");
  EXPECT_EQ(family("NVIDIA GeForce RTX 3080/PCIe/SSE2"), "nvidia");
  EXPECT_EQ(family("virgl (AMD Radeon)"), "virgl");
  EXPECT_EQ(family(""), "");
}

TEST(ProfileChoiceTest, EachMatchHasAPhrase) {
  EXPECT_EQ(SummaryOfMatch(NameOf(ProfileMatch::kEnvironment)), "made in this environment");
  EXPECT_EQ(SummaryOfMatch("another"), "");
}

}  // namespace
}  // namespace vgpu
