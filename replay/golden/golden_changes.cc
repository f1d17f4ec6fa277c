#include "replay/golden/golden_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "replay/frames/compare.h"
#include "replay/frames/png.h"
#include "replay/golden/profile_choice.h"

namespace vgpu {

namespace {

// With a limit that nothing passes, so that all is computed.
constexpr Tolerance kNothing{};

std::string HowFar(const Comparison& comparison) {
  std::string text = fmt::format("{} of {} pixels are other ones (largest difference {}",
                                 comparison.differing, comparison.pixels, comparison.largest);
  if (comparison.rmse) text += fmt::format(", RMSE {:.4g}", *comparison.rmse);
  if (comparison.psnr) text += fmt::format(", PSNR {:.1f} dB", *comparison.psnr);
  if (comparison.ssim) text += fmt::format(", SSIM {:.6f}", *comparison.ssim);
  return text + ")";
}

FrameResult ResultOf(const GoldenFrame& frame, std::string message) {
  FrameResult result;
  result.frame = frame.number;
  result.scanout = frame.scanout;
  result.width = frame.width;
  result.height = frame.height;
  result.golden = true;
  result.status = FrameStatus::kDifferent;
  result.message = fmt::format("frame {}: {}", frame.number, message);
  return result;
}

FrameResult Compared(const GoldenFrame& frame, const Image& before, const Image& after) {
  const Comparison comparison = Compare(before, after, kNothing);
  FrameResult result =
      ResultOf(frame, comparison.SameSize() ? HowFar(comparison)
                                            : Describe(comparison, before, after, kNothing));
  SetNumbers(comparison, result);
  return result;
}

// Nothing where the picture stays as it is.
Result<std::optional<FrameResult>> ChangeOf(const GoldenFrame& old, const GoldenFrame& frame,
                                            const std::filesystem::path& folder,
                                            const std::filesystem::path& staging) {
  const auto before = ReadPng(folder / old.file);
  if (before && ToHex(HashOf(before->bytes())) == frame.digest && old.digest == frame.digest &&
      old.scanout == frame.scanout) {
    return std::nullopt;
  }
  if (!before) return ResultOf(frame, "the old picture cannot be read: " + before.error().message);
  const auto after = ReadPng(staging / FramePictureName(frame.number));
  if (!after) return tl::unexpected(after.error());
  if (before->rgba == after->rgba && before->width == after->width) {
    return ResultOf(frame, "has the same picture, and the manifest says otherwise");
  }
  return Compared(frame, *before, *after);
}

template <typename T>
void AddOther(std::vector<std::string>& others, std::string_view what, const T& before,
              const T& now) {
  if (before != now) others.push_back(fmt::format("{}: {}, now {}", what, before, now));
}

std::string Listed(const IgnoredParts& ignored) {
  std::string text;
  for (const IgnoredRect& rect : ignored.rects) text += (text.empty() ? "" : " ") + ToText(rect);
  for (const auto& mask : ignored.masks) text += (text.empty() ? "" : " ") + mask.string();
  return text.empty() ? "nothing" : text;
}

// A mask of the same name may be another picture.
bool HasSameMasks(const GoldenProfile& fresh, const std::filesystem::path& staging,
                  const std::filesystem::path& folder) {
  return std::ranges::all_of(fresh.ignored.masks, [&](const std::filesystem::path& mask) {
    const auto after = DigestOfFile(staging / mask.filename());
    if (!after) return true;  // none was made: the old one stays
    const auto before = DigestOfFile(folder / mask);
    return before && *before == *after;
  });
}

std::vector<std::string> OtherChanges(const GoldenProfile& fresh,
                                      const std::filesystem::path& staging,
                                      const GoldenProfile& old,
                                      const std::filesystem::path& folder) {
  std::vector<std::string> others;
  AddOther(others, "trace", fmt::format("{} with digest {}", old.trace_name, old.trace_digest),
           fmt::format("{} with digest {}", fresh.trace_name, fresh.trace_digest));
  for (const std::string& change : ChangesOf(old.environment, fresh.environment)) {
    others.push_back(change);
  }
#define VGPU_TOLERANCE(type, name, exact, low, high, option, summary) \
  AddOther(others, "tolerance " #name, old.tolerance.name, fresh.tolerance.name);
#include "replay/frames/tolerances.def"
  AddOther(others, "ignored", Listed(old.ignored), Listed(fresh.ignored));
  if (old.ignored == fresh.ignored && !HasSameMasks(fresh, staging, folder)) {
    others.push_back("ignored: a mask is another picture");
  }
  return others;
}

}  // namespace

Result<GoldenChanges> ChangesTo(const GoldenProfile& fresh, const std::filesystem::path& staging,
                                const GoldenProfile* old, const std::filesystem::path& folder) {
  GoldenChanges changes;
  std::map<uint64_t, const GoldenFrame*> before;
  if (old != nullptr) {
    for (const GoldenFrame& frame : old->frames) before[frame.number] = &frame;
    changes.others = OtherChanges(fresh, staging, *old, folder);
  }
  for (const GoldenFrame& frame : fresh.frames) {
    const auto found = before.find(frame.number);
    if (found == before.end()) {
      changes.added.push_back(frame.number);
      continue;
    }
    auto change = ChangeOf(*found->second, frame, folder, staging);
    if (!change) return tl::unexpected(change.error());
    if (*change) {
      changes.changed.push_back(std::move(**change));
    } else {
      ++changes.unchanged;
    }
    before.erase(found);
  }
  for (const auto& [number, frame] : before) changes.removed.push_back(number);
  return changes;
}

}  // namespace vgpu
