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

Result<std::optional<DifferenceEvent>> FrameJudge::Judge(FrameView& frame) {
  const bool has_golden = GoldenOf(frame.packet().number()) != nullptr;
  const bool differs = frame.check() == FrameCheck::kDifferent;
  if (!has_golden && !differs) return std::nullopt;

  const auto& pixels = frame.Replayed();
  const Result<Image> replayed = pixels ? ToImage(*pixels) : tl::unexpected(pixels.error());
  const auto expected = ExpectedOf(frame, replayed ? &*replayed : nullptr);
  if (!expected) return tl::unexpected(expected.error());

  DifferenceEvent event = AtFrame(frame, has_golden ? "golden" : "frame");
  if (!replayed) {
    event.message = fmt::format("{}: the replayed picture cannot be read: {}", PlaceOf(frame),
                                replayed.error().message);
    return event;
  }
  if (!*expected) {
    if (has_golden) return std::nullopt;  // equal to it
    event.message =
        fmt::format("{}: differs from the recording, which kept no picture of it", PlaceOf(frame));
    if (const auto status = Keep(frame, nullptr, *replayed, event); !status) {
      return tl::unexpected(status.error());
    }
    return event;
  }
  const Image& wanted = **expected;
  const Comparison comparison = Compare(wanted, *replayed, job_.tolerance);
  if (comparison.Within(job_.tolerance)) {
    // Equal pictures of different bytes differ in bits that no screen shows.
    if (differs || comparison.largest != 0) ++tolerated_;
    return std::nullopt;
  }
  event.differing = comparison.differing;
  event.pixels = comparison.pixels;
  event.largest = comparison.largest;
  event.message = fmt::format("{}: {}", PlaceOf(frame),
                              Describe(comparison, wanted, *replayed, job_.tolerance));
  if (const auto status = Keep(frame, &wanted, *replayed, event); !status) {
    return tl::unexpected(status.error());
  }
  return event;
}

Status FrameJudge::Keep(FrameView& frame, const Image* expected, const Image& replayed,
                        DifferenceEvent& difference) {
  if (job_.keep_folder.empty() || kept_ == kMaxKeptFrames) return {};
  ++kept_;
  const std::string name = fmt::format("frame-{:06}", frame.packet().number());
  auto write = [&](const Image& image, const char* what, std::string& file) -> Status {
    const auto path = job_.keep_folder / fmt::format("{}.{}.png", name, what);
    if (const auto status = WritePng(path, image); !status) return status;
    file = path.string();
    difference.message += fmt::format("\n  {}: {}", what, file);
    return {};
  };
  if (expected != nullptr) {
    if (const auto status = write(*expected, "expected", difference.expected_file); !status)
      return status;
  }
  if (const auto status = write(replayed, "replayed", difference.replayed_file); !status)
    return status;
  if (expected == nullptr) return {};
  return write(DifferenceImage(*expected, replayed), "difference", difference.difference_file);
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
