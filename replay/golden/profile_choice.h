// Which of a golden set's profiles a replay is held to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "replay/golden/manifest.h"

namespace vgpu {

enum class ProfileMatch {
#define VGPU_PROFILE_MATCH(NAME, text, summary) NAME,
#include "replay/golden/profile_matches.def"
};
std::string_view NameOf(ProfileMatch match);
// A phrase for the name of one; empty for what is none.
std::string_view SummaryOfMatch(std::string_view name);

struct ProfileChoice {
  const GoldenProfile* profile = nullptr;
  ProfileMatch match = ProfileMatch::kNothing;
};

// The one that has most in common with the environment here, and of equals the first. Our own
// version does not count.
ProfileChoice ChooseProfile(const GoldenManifest& manifest, const GoldenEnvironment& here);

// What kind a GL renderer is, in lower case: "llvmpipe" of "llvmpipe (LLVM 15.0.6, 256 bits)",
// "intel" of "Mesa Intel(R) UHD Graphics 630 (CFL GT2)". Without GL the renderer's own name.
std::string RendererFamily(const GoldenEnvironment& environment);

// Each part of it that is another one here: "GL renderer: 'A', here 'B'". Our own version is none.
std::vector<std::string> ChangesOf(const GoldenEnvironment& made_with,
                                   const GoldenEnvironment& here);

}  // namespace vgpu
