#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/output.h"
#include "cli/replay/console.h"
#include "cli/replay/verbs.h"
#include "replay/golden/golden_writer.h"
#include "replay/worker/environment.h"

namespace vgpu::cli {

namespace {

struct GoldenOptions {
  ReplayOptions replay;
  std::string folder;
  std::string frames;
  uint64_t every = 1;
  ToleranceChoice tolerance;
  bool update = false;
};

// "0,10-20,30": the frames of which pictures are kept.
Result<FrameSelection> SelectionOf(const GoldenOptions& options) {
  FrameSelection selection;
  selection.every = options.every;
  for (size_t begin = 0; begin < options.frames.size();) {
    const size_t end = std::min(options.frames.find(',', begin), options.frames.size());
    const auto range = ParseRange("--frames", options.frames.substr(begin, end - begin));
    if (!range) return tl::unexpected(range.error());
    selection.ranges.push_back({range->first, range->last});
    begin = end + 1;
  }
  return selection;
}

uint64_t LastOf(const FrameSelection& selection) {
  if (selection.ranges.empty()) return UINT64_MAX;
  return std::ranges::max(selection.ranges, {}, &FrameRange::last).last;
}

GoldenManifest ManifestOf(const GoldenOptions& options, const std::string& trace_digest,
                          const ReplayOutcome& outcome) {
  GoldenManifest manifest;
  manifest.environment = EnvironmentOf(outcome.started.renderer);
  manifest.trace_name = std::filesystem::path(options.replay.trace).filename().string();
  manifest.trace_digest = trace_digest;
  manifest.tolerance = Merge(Tolerance{}, options.tolerance);
  for (const PictureEvent& picture : outcome.pictures) {
    manifest.frames.push_back({picture.frame, picture.scanout, picture.width, picture.height,
                               picture.digest, FramePictureName(picture.frame)});
  }
  return manifest;
}

// What stands on damage would be expected of every replay from then on.
Error Damaged(const std::string& trace) {
  return Error{ErrorCode::kUnreadable,
               fmt::format("{}: is damaged; no golden set is made of it", trace)};
}

int Golden(const GoldenOptions& options) {
  auto request = RequestOf(options.replay);
  if (!request) return Fail(request.error());
  auto selection = SelectionOf(options);
  if (!selection) return Fail(selection.error());
  auto writer = GoldenWriter::Begin(options.folder, options.update);
  if (!writer) return Fail(writer.error());
  request->job.frames.last = LastOf(*selection);
  request->job.pictures = std::move(*selection);
  request->job.pictures_folder = writer->staging();
  request->job.check_content = false;

  const auto outcome = Replay(*request, options.replay.json);
  if (!outcome) return Fail(outcome.error());
  if (outcome->interrupted_by != 0) return kExitInterrupted + outcome->interrupted_by;
  if (outcome->failure) return FailReplay(*outcome);
  if (!outcome->done->damage.empty()) return Fail(Damaged(options.replay.trace));
  if (outcome->pictures.empty()) return Fail(NoSuchFrames(options.replay.trace, *outcome->done));
  const auto trace_digest = DigestOfFile(options.replay.trace);
  if (!trace_digest) return Fail(trace_digest.error());
  if (const auto status = writer->Commit(ManifestOf(options, *trace_digest, *outcome)); !status) {
    return Fail(status.error());
  }
  if (options.replay.json) {
    Print("{}", OutcomeJson(*request, *outcome));
  } else {
    Print("{}: {} of {} frames, made with {}\n", options.folder, outcome->pictures.size(),
          outcome->started.frames, RendererText(outcome->started.renderer));
    PrintTraceState(options.replay.trace, *outcome->done);
  }
  return kExitSuccess;
}

}  // namespace

std::function<int()> AddGolden(CLI::App& command) {
  auto options = std::make_shared<GoldenOptions>();
  AddReplayOptions(command, options->replay);
  command.add_option("--golden", options->folder, "Where the golden set is written to")
      ->required()
      ->type_name("DIR");
  command
      .add_option("--frames", options->frames,
                  "Only these frames, from 0 and inclusive: 0,10-20,30")
      ->type_name("LIST");
  command.add_option("--every", options->every, "Only frames whose number is a multiple of N")
      ->check(UnsignedNumber())
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}))
      ->type_name("N")
      ->capture_default_str();
  AddTolerance(command, options->tolerance);
  command.add_flag("--update", options->update, "Replace the golden set that is there");
  command.footer(
      "The tolerance is written into the set, and holds for every verify against it.\n"
      "Exit codes: 0 written; 2 wrong usage, or the set exists; 3 the trace cannot be read,\n"
      "or is damaged; 4 the replay failed; 77 no GL here.");
  return [options] { return Golden(*options); };
}

}  // namespace vgpu::cli
