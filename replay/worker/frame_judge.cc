#include "replay/worker/frame_judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "replay/frames/png.h"

namespace vgpu {

namespace {

DifferenceEvent AtFrame(FrameView& frame, const char* kind) {
  const CommandPlace& place = frame.place();
  DifferenceEvent event;
  event.kind = kind;
  event.command = place.number;
  event.command_name = CommandName(static_cast<CommandType>(place.type));
  event.context = place.context;
  event.frame = frame.packet().number();
  event.resource = frame.packet().resource_id();
  return event;
}

std::string PlaceOf(FrameView& frame) {
  const proto::Frame& packet = frame.packet();
  return fmt::format("frame {} (command {}, scanout {}, resource {})", packet.number(),
                     frame.place().number, packet.scanout(), packet.resource_id());
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

const GoldenFrame* FrameJudge::GoldenOf(uint64_t number) const {
  if (!job_.golden) return nullptr;
  const auto& frames = job_.golden->frames;
  const auto found = std::ranges::lower_bound(frames, number, {}, &GoldenFrame::number);
  return found != frames.end() && found->number == number ? &*found : nullptr;
}

Result<std::optional<Image>> FrameJudge::ExpectedOf(FrameView& frame, const Image* replayed) {
  if (const GoldenFrame* golden = GoldenOf(frame.packet().number())) {
    ++golden_compared_;
    golden_seen_.insert(golden->number);
    if (replayed != nullptr && ToHex(HashOf(replayed->bytes())) == golden->digest)
      return std::nullopt;
    auto image = ReadPng(job_.golden_folder / golden->file);
    if (!image) return tl::unexpected(image.error());
    return std::optional<Image>(std::move(*image));
  }
  if (frame.check() != FrameCheck::kDifferent) return std::nullopt;
  const auto recorded = frame.Recorded();
  if (!recorded || !*recorded) return std::nullopt;
  auto image = ToImage(**recorded);
  if (!image) return std::nullopt;
  return std::optional<Image>(std::move(*image));
}

Result<FrameVerdict> FrameJudge::Judge(FrameView& frame) {
  const bool has_golden = GoldenOf(frame.packet().number()) != nullptr;
  const bool differs = frame.check() == FrameCheck::kDifferent;
  if (!has_golden && !differs) return FrameVerdict{};

  const auto& pixels = frame.Replayed();
  const Result<Image> replayed = pixels ? ToImage(*pixels) : tl::unexpected(pixels.error());
  const auto expected = ExpectedOf(frame, replayed ? &*replayed : nullptr);
  if (!expected) return tl::unexpected(expected.error());

  FrameVerdict verdict;
  DifferenceEvent event = AtFrame(frame, has_golden ? "golden" : "frame");
  if (!pixels || (!replayed && *expected)) {
    event.message = fmt::format("{}: the replayed picture cannot be read: {}", PlaceOf(frame),
                                replayed.error().message);
    verdict.difference = std::move(event);
    if (has_golden) ++golden_different_;
    return verdict;
  }
  if (!*expected) {
    if (has_golden) return verdict;  // equal to it
    return WithoutPicture(frame, replayed ? &*replayed : nullptr,
                          replayed ? "" : replayed.error().message);
  }
  const Image& wanted = **expected;
  const Comparison comparison = Compare(wanted, *replayed, job_.tolerance);
  if (comparison.Within(job_.tolerance)) {
    // Equal pictures of different bytes differ in bits that no screen shows.
    if (differs || comparison.largest != 0) ++tolerated_;
    return verdict;
  }
  if (has_golden) ++golden_different_;
  event.differing = comparison.differing;
  event.pixels = comparison.pixels;
  event.largest = comparison.largest;
  event.message = fmt::format("{}: {}", PlaceOf(frame),
                              Describe(comparison, wanted, *replayed, job_.tolerance));
  verdict.difference = std::move(event);
  Keep(frame, &wanted, *replayed, verdict);
  return verdict;
}

FrameVerdict FrameJudge::WithoutPicture(FrameView& frame, const Image* shown,
                                        const std::string& why_not) {
  FrameVerdict verdict;
  std::string message =
      fmt::format("{}: differs from the recording, which kept no picture of it", PlaceOf(frame));
  if (shown == nullptr) message += "; " + why_not;
  if (!job_.tolerance.IsExact()) {
    verdict.not_judged = true;
    verdict.notes.push_back(message + "; this is not judged");
    return verdict;
  }
  verdict.difference = AtFrame(frame, "frame");
  verdict.difference->message = std::move(message);
  if (shown != nullptr) Keep(frame, nullptr, *shown, verdict);
  return verdict;
}

void FrameJudge::Keep(FrameView& frame, const Image* expected, const Image& replayed,
                      FrameVerdict& verdict) {
  if (job_.keep_folder.empty() || kept_ == kMaxKeptFrames) return;
  ++kept_;
  DifferenceEvent& difference = *verdict.difference;
  const std::string name = fmt::format("frame-{:06}", frame.packet().number());
  Status kept;
  if (expected != nullptr) {
    kept = KeepOne(*expected, name, "expected", difference.expected_file);
  }
  if (kept) kept = KeepOne(replayed, name, "replayed", difference.replayed_file);
  if (kept && expected != nullptr) {
    kept = KeepOne(DifferenceImage(*expected, replayed), name, "difference",
                   difference.difference_file);
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

std::vector<DifferenceEvent> FrameJudge::Missing() const {
  std::vector<DifferenceEvent> missing;
  if (!job_.golden) return missing;
  for (const GoldenFrame& golden : job_.golden->frames) {
    if (!job_.frames.Has(golden.number)) continue;
    if (golden_seen_.contains(golden.number)) continue;
    DifferenceEvent event;
    event.kind = "golden";
    event.frame = golden.number;
    event.message = fmt::format("frame {}: the golden set has it, the replay does not present it",
                                golden.number);
    missing.push_back(std::move(event));
  }
  return missing;
}

}  // namespace vgpu
