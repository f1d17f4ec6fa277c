#include "replay/golden/profile_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace vgpu {

namespace {

struct MatchInfo {
  std::string_view name, summary;
};
constexpr std::array kMatches = {
#define VGPU_PROFILE_MATCH(NAME, text, summary) MatchInfo{text, summary},
#include "replay/golden/profile_matches.def"
};

std::string_view MesaMajor(std::string_view version) {
  return version.substr(0, version.find('.'));
}

ProfileMatch MatchOf(const GoldenEnvironment& made_with, const GoldenEnvironment& here) {
  if (ChangesOf(made_with, here).empty()) return ProfileMatch::kEnvironment;
  const bool same_mesa = MesaMajor(made_with.mesa) == MesaMajor(here.mesa);
  if (same_mesa && !here.gl_renderer.empty() && made_with.gl_renderer == here.gl_renderer) {
    return ProfileMatch::kRendererAndMesa;
  }
  const std::string family = RendererFamily(here);
  if (!family.empty() && RendererFamily(made_with) == family) {
    return same_mesa ? ProfileMatch::kFamilyAndMesa : ProfileMatch::kFamily;
  }
  const bool same_vendor = !here.gl_vendor.empty() && made_with.gl_vendor == here.gl_vendor;
  return same_vendor ? ProfileMatch::kVendor : ProfileMatch::kNothing;
}

}  // namespace

std::string_view NameOf(ProfileMatch match) { return kMatches[static_cast<size_t>(match)].name; }
std::string_view SummaryOfMatch(std::string_view name) {
  const auto found = std::ranges::find(kMatches, name, &MatchInfo::name);
  return found == kMatches.end() ? "" : found->summary;
}

ProfileChoice ChooseProfile(const GoldenManifest& manifest, const GoldenEnvironment& here) {
  ProfileChoice best;
  for (const GoldenProfile& profile : manifest.profiles) {
    const ProfileMatch match = MatchOf(profile.environment, here);
    if (best.profile == nullptr || match > best.match) best = {&profile, match};
  }
  return best;
}

std::string RendererFamily(const GoldenEnvironment& environment) {
  std::string_view text =
      environment.gl_renderer.empty() ? environment.renderer : environment.gl_renderer;
  if (text.starts_with("Mesa ")) text.remove_prefix(5);
  text = text.substr(0, text.find_first_of(" (/"));
  std::string family(text);
  std::ranges::transform(family, family.begin(),
                         [](unsigned char letter) { return std::tolower(letter); });
  return family;
}

std::vector<std::string> ChangesOf(const GoldenEnvironment& made_with,
                                   const GoldenEnvironment& here) {
  std::vector<std::string> changes;
  const auto compare = [&](const char* what, const std::string& then, const std::string& now) {
    if (then != now) changes.push_back(fmt::format("{}: '{}', here '{}'", what, then, now));
  };
  compare("GL vendor", made_with.gl_vendor, here.gl_vendor);
  compare("GL renderer", made_with.gl_renderer, here.gl_renderer);
  compare("GL version", made_with.gl_version, here.gl_version);
  compare("Mesa", made_with.mesa, here.mesa);
  compare("renderer", made_with.renderer, here.renderer);
  return changes;
}

}  // namespace vgpu
