#include "replay/worker/frame_judge.h"

#include <fmt/format.h>

#include <algorithm>

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

FrameJudge::FrameJudge(const ReplayJob& job)
    : job_(job),
      tolerance_(Merge(job.golden ? job.golden->tolerance : Tolerance{}, job.tolerance)) {}

const GoldenFrame* FrameJudge::GoldenOf(uint64_t number) const {
  if (!job_.golden) return nullptr;
  const auto& frames = job_.golden->frames;
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
  if (const GoldenFrame* golden = GoldenOf(packet.number())) {
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
  const Comparison comparison = Compare(expected, replayed, tolerance_);
  result.tier = comparison.same_size ? ComparisonTier::kPixels : ComparisonTier::kSize;
  result.differing = comparison.differing;
  result.pixels = comparison.pixels;
  result.largest = comparison.largest;
  if (comparison.Within(tolerance_)) {
    // A recorded picture that is equal, of bytes that are not, differs in what no screen shows.
    const bool same = result.golden && comparison.largest == 0;
    result.status = same ? FrameStatus::kSame : FrameStatus::kWithin;
    return;
  }
  result.status = FrameStatus::kDifferent;
  result.message =
      fmt::format("{}: {}", PlaceOf(frame), Describe(comparison, expected, replayed, tolerance_));
  Keep(frame, &expected, replayed, verdict);
}

void FrameJudge::JudgeWithoutPicture(FrameView& frame, const Result<Image>& shown,
                                     FrameVerdict& verdict) {
  FrameResult& result = verdict.result;
  result.message =
      fmt::format("{}: differs from the recording, which kept no picture of it", PlaceOf(frame));
  if (!shown) result.message += "; " + shown.error().message;
  if (!tolerance_.IsExact()) {
    result.status = FrameStatus::kNotJudged;
    result.message += "; this is not judged";
    verdict.notes.push_back(result.message);
    return;
  }
  result.status = FrameStatus::kDifferent;
  if (shown) Keep(frame, nullptr, *shown, verdict);
}

void FrameJudge::Keep(FrameView& frame, const Image* expected, const Image& replayed,
                      FrameVerdict& verdict) {
  if (job_.keep_folder.empty() || kept_ >= job_.max_kept_frames) return;
  ++kept_;
  FrameResult& result = verdict.result;
  const std::string name = fmt::format("frame-{:06}", result.frame);
  Status kept;
  if (expected != nullptr) kept = KeepOne(*expected, name, "expected", result.expected_file);
  if (kept) kept = KeepOne(replayed, name, "replayed", result.replayed_file);
  if (kept && expected != nullptr) {
    kept =
        KeepOne(DifferenceImage(*expected, replayed), name, "difference", result.difference_file);
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
  if (!job_.golden) return missing;
  for (const GoldenFrame& golden : job_.golden->frames) {
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
