#include "replay/worker/frame_judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "replay/frames/compare.h"
#include "replay/frames/difference_image.h"
#include "replay/frames/png.h"

namespace vgpu {

namespace {

std::string PlaceOf(FrameView& frame) {
  const proto::Frame& packet = frame.packet();
  return fmt::format("frame {} (command {}, scanout {}, resource {})", packet.number(),
                     frame.place().number, packet.scanout(), packet.resource_id());
}

Result<Image> PictureOf(const Result<Pixels>& pixels) {
  return pixels ? ToImage(*pixels) : tl::unexpected(pixels.error());
}

void CannotBeShown(FrameView& frame, const Error& why, FrameResult& result) {
  result.status = FrameStatus::kDifferent;
  result.tier = ComparisonTier::kNone;
  result.message =
      fmt::format("{}: the replayed picture cannot be read: {}", PlaceOf(frame), why.message);
}

void NotJudged(const std::string& why, FrameVerdict& verdict) {
  verdict.result.status = FrameStatus::kNotJudged;
  verdict.result.message = why + "; this is not judged";
  verdict.notes.push_back(verdict.result.message);
}

}  // namespace

bool IsKeptPictureName(std::string_view name) {
  constexpr std::string_view kPrefix = "frame-";
  if (!name.starts_with(kPrefix)) return false;
  name.remove_prefix(kPrefix.size());
  const size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
  const std::string_view rest = name.substr(digits);
  return digits >= 6 &&
         (rest == ".expected.png" || rest == ".replayed.png" || rest == ".difference.png");
}

Status FrameJudge::Begin(const GoldenEnvironment& here) {
  IgnoredParts ignored = job_.ignored;
  tolerance_ = Merge(Tolerance{}, job_.tolerance);
  if (job_.golden) {
    choice_ = job_.golden_profile.empty()
                  ? ChooseProfile(*job_.golden, here)
                  : ProfileChoice{job_.golden->Find(job_.golden_profile), ProfileMatch::kNamed};
    if (choice_.profile == nullptr) {
      return MakeError(
          ErrorCode::kUsage,
          fmt::format("{}: has no profile '{}'", job_.golden_folder.string(), job_.golden_profile));
    }
    tolerance_ = Merge(choice_.profile->tolerance, job_.tolerance);
    const IgnoredParts& of_set = choice_.profile->ignored;
    ignored.rects.insert(ignored.rects.end(), of_set.rects.begin(), of_set.rects.end());
    for (const auto& mask : of_set.masks) ignored.masks.push_back(job_.golden_folder / mask);
  }
  auto masks = PictureMasks::Load(ignored);
  if (!masks) return tl::unexpected(masks.error());
  masks_ = std::move(*masks);
  return {};
}

const GoldenFrame* FrameJudge::GoldenOf(uint64_t number) const {
  if (choice_.profile == nullptr) return nullptr;
  const auto& frames = choice_.profile->frames;
  const auto found = std::ranges::lower_bound(frames, number, {}, &GoldenFrame::number);
  return found != frames.end() && found->number == number ? &*found : nullptr;
}

Result<FrameVerdict> FrameJudge::Judge(FrameView& frame) {
  const proto::Frame& packet = frame.packet();
  FrameVerdict verdict;
  verdict.result.frame = packet.number();
  verdict.result.scanout = packet.scanout();
  verdict.result.width = packet.width();
  verdict.result.height = packet.height();
  const GoldenFrame* golden = GoldenOf(packet.number());
  // A picture of another size than the expected one differs, whatever a mask leaves out.
  const bool is_compared =
      golden != nullptr ? golden->width == packet.width() && golden->height == packet.height()
                        : frame.check() != FrameCheck::kNone;
  if (const auto fits = masks_.Fit(packet.width(), packet.height()); is_compared && !fits) {
    return MakeError(fits.error().code,
                     fmt::format("{}: {}", PlaceOf(frame), fits.error().message));
  }
  if (golden != nullptr) {
    if (const auto status = JudgeGolden(frame, *golden, verdict); !status) {
      return tl::unexpected(status.error());
    }
  } else {
    JudgeRecorded(frame, verdict);
  }
  return verdict;
}

Status FrameJudge::JudgeGolden(FrameView& frame, const GoldenFrame& golden, FrameVerdict& verdict) {
  FrameResult& result = verdict.result;
  result.golden = true;
  golden_seen_.insert(golden.number);
  const Result<Image> replayed = PictureOf(frame.Replayed());
  if (!replayed) {
    CannotBeShown(frame, replayed.error(), result);
    return {};
  }
  if (ToHex(HashOf(replayed->bytes())) == golden.digest) {
    result.status = FrameStatus::kSame;
    result.tier = ComparisonTier::kHash;
    return {};
  }
  const auto expected = ReadPng(job_.golden_folder / golden.file);
  if (!expected) return tl::unexpected(expected.error());
  if (ToHex(HashOf(expected->bytes())) != golden.digest) {
    return MakeError(ErrorCode::kUnreadable,
                     fmt::format("{}: is not the picture of frame {} that the manifest tells of",
                                 (job_.golden_folder / golden.file).string(), golden.number));
  }
  JudgePictures(frame, *expected, *replayed, verdict);
  return {};
}

void FrameJudge::JudgeRecorded(FrameView& frame, FrameVerdict& verdict) {
  FrameResult& result = verdict.result;
  if (frame.check() == FrameCheck::kNone) return;
  result.tier = ComparisonTier::kHash;
  if (frame.check() == FrameCheck::kEqual) {
    result.status = FrameStatus::kSame;
    return;
  }
  const Result<Image> replayed = PictureOf(frame.Replayed());
  const auto recorded = frame.Recorded();
  const Result<Image> expected =
      recorded ? PictureOf(*recorded) : MakeError(ErrorCode::kFailed, "no picture was kept");
  if (!frame.Replayed() || (!replayed && expected)) {
    CannotBeShown(frame, replayed.error(), result);
  } else if (!expected) {
    JudgeWithoutPicture(frame, replayed, verdict);
  } else {
    JudgePictures(frame, *expected, *replayed, verdict);
  }
}

void FrameJudge::JudgePictures(FrameView& frame, const Image& expected, const Image& replayed,
                               FrameVerdict& verdict) {
  FrameResult& result = verdict.result;
  const PixelMask ignored = masks_.Of(result.frame, expected.width, expected.height);
  const Comparison comparison = Compare(expected, replayed, tolerance_, ignored);
  SetNumbers(comparison, result);
  if (comparison.pixels == 0) {
    NotJudged(fmt::format("{}: all of its pixels are ignored", PlaceOf(frame)), verdict);
  } else if (!comparison.accepted) {
    result.status = FrameStatus::kDifferent;
    result.message =
        fmt::format("{}: {}", PlaceOf(frame), Describe(comparison, expected, replayed, tolerance_));
    Keep(frame, &expected, replayed, ignored, verdict);
  } else {
    // A recorded picture that is equal, of bytes that are not, differs in what no screen shows.
    const bool same = result.golden && expected.rgba == replayed.rgba;
    result.status = same ? FrameStatus::kSame : FrameStatus::kWithin;
  }
}

void FrameJudge::JudgeWithoutPicture(FrameView& frame, const Result<Image>& shown,
                                     FrameVerdict& verdict) {
  FrameResult& result = verdict.result;
  result.message =
      fmt::format("{}: differs from the recording, which kept no picture of it", PlaceOf(frame));
  if (!shown) result.message += "; " + shown.error().message;
  if (!tolerance_.IsExact() || masks_.ConcernFrame(result.frame)) {
    NotJudged(result.message, verdict);
    return;
  }
  result.status = FrameStatus::kDifferent;
  if (shown) Keep(frame, nullptr, *shown, {}, verdict);
}

void FrameJudge::Keep(FrameView& frame, const Image* expected, const Image& replayed,
                      const PixelMask& ignored, FrameVerdict& verdict) {
  if (job_.keep_folder.empty() || kept_ >= job_.max_kept_frames) return;
  ++kept_;
  FrameResult& result = verdict.result;
  const std::string name = fmt::format("frame-{:06}", result.frame);
  Status kept;
  if (expected != nullptr) kept = KeepOne(*expected, name, "expected", result.expected_file);
  if (kept) kept = KeepOne(replayed, name, "replayed", result.replayed_file);
  if (kept && expected != nullptr) {
    kept = KeepOne(DifferenceImage(*expected, replayed, tolerance_, ignored), name, "difference",
                   result.difference_file);
  }
  if (!kept) {
    verdict.notes.push_back(
        fmt::format("{}: its pictures are not kept: {}", PlaceOf(frame), kept.error().message));
  }
}

Status FrameJudge::KeepOne(const Image& image, const std::string& name, const char* what,
                           std::string& file) {
  const std::string file_name = fmt::format("{}.{}.png", name, what);
  if (auto status = WritePng(job_.keep_folder / file_name, image); !status) return status;
  const auto& place = job_.keep_place.empty() ? job_.keep_folder : job_.keep_place;
  file = (place / file_name).string();
  return {};
}

std::vector<FrameResult> FrameJudge::Missing() const {
  std::vector<FrameResult> missing;
  if (choice_.profile == nullptr) return missing;
  for (const GoldenFrame& golden : choice_.profile->frames) {
    if (!job_.frames.Has(golden.number)) continue;
    if (golden_seen_.contains(golden.number)) continue;
    FrameResult& result = missing.emplace_back();
    result.frame = golden.number;
    result.scanout = golden.scanout;
    result.width = golden.width;
    result.height = golden.height;
    result.status = FrameStatus::kMissing;
    result.golden = true;
    result.message = fmt::format("frame {}: the golden set has it, the replay does not present it",
                                 golden.number);
  }
  return missing;
}

}  // namespace vgpu
