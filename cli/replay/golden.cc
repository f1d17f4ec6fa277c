#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/replay/console.h"
#include "cli/replay/verbs.h"
#include "format/protocol/escape.h"
#include "replay/frames/png.h"
#include "replay/golden/golden_writer.h"
#include "replay/worker/environment.h"
#include "replay/worker/interrupt_guard.h"

namespace vgpu::cli {

namespace {

struct GoldenOptions {
  ReplayOptions replay;
  std::string folder;
  std::string frames;
  uint64_t every = 1;
  ToleranceChoice tolerance;
  IgnoredParts ignored;
  std::string profile;
  bool update = false;
  bool dry_run = false;
};

// Ascending, and each frame in one of them.
std::vector<FrameRange> Joined(std::vector<FrameRange> ranges) {
  std::ranges::sort(ranges, {}, &FrameRange::first);
  std::vector<FrameRange> joined;
  for (const FrameRange& range : ranges) {
    if (!joined.empty() && range.first <= joined.back().last) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

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
  selection.ranges = Joined(std::move(selection.ranges));
  return selection;
}

uint64_t LastOf(const FrameSelection& selection) {
  if (selection.ranges.empty()) return UINT64_MAX;
  return selection.ranges.back().last;
}

// Where nothing is said, those that the profile has.
FrameSelection FramesOfOld(const GoldenProfile& old) {
  FrameSelection selection;
  for (const GoldenFrame& frame : old.frames) {
    const bool joins =
        !selection.ranges.empty() && selection.ranges.back().last + 1 == frame.number;
    if (joins) {
      selection.ranges.back().last = frame.number;
    } else {
      selection.ranges.push_back({frame.number, frame.number});
    }
  }
  return selection;
}

// What is given, and of the old profile what is not; files that are given are copied to `staging`.
Result<IgnoredParts> IgnoredOf(const GoldenOptions& options, const GoldenWriter& writer) {
  IgnoredParts ignored = writer.old() != nullptr ? writer.old()->ignored : IgnoredParts{};
  if (!options.ignored.rects.empty()) ignored.rects = options.ignored.rects;
  if (options.ignored.masks.empty()) return ignored;
  ignored.masks.clear();
  for (const std::filesystem::path& file : options.ignored.masks) {
    const auto image = ReadPng(file);
    if (!image) return tl::unexpected(image.error());
    const std::string name = fmt::format("mask-{}.png", ignored.masks.size());
    if (const auto written = WritePng(writer.staging() / name, *image); !written) {
      return tl::unexpected(written.error());
    }
    ignored.masks.emplace_back(name);
  }
  return ignored;
}

// A frame that none of the masks fits would end every verify. Those that an update keeps are old.
Status CheckMasks(const GoldenOptions& options, const GoldenWriter& writer,
                  const ReplayOutcome& outcome) {
  IgnoredParts ignored{{}, options.ignored.masks};
  if (ignored.masks.empty() && writer.old() != nullptr) {
    for (const auto& mask : writer.old()->ignored.masks) {
      ignored.masks.push_back(options.folder / mask);
    }
  }
  const auto masks = PictureMasks::Load(ignored);
  if (!masks) return tl::unexpected(masks.error());
  for (const PictureEvent& picture : outcome.pictures) {
    if (const auto fits = masks->Fit(picture.width, picture.height); !fits) {
      return MakeError(ErrorCode::kUsage,
                       fmt::format("frame {}: {}", picture.frame, fits.error().message));
    }
  }
  return {};
}

Result<GoldenProfile> ProfileOf(const GoldenOptions& options, const GoldenWriter& writer,
                                const ReplayOutcome& outcome) {
  GoldenProfile profile;
  auto digest = DigestOfFile(options.replay.trace);
  if (!digest) return tl::unexpected(digest.error());
  if (const auto fit = CheckMasks(options, writer, outcome); !fit)
    return tl::unexpected(fit.error());
  auto ignored = IgnoredOf(options, writer);
  if (!ignored) return tl::unexpected(ignored.error());
  profile.environment = EnvironmentOf(outcome.started.renderer);
  profile.trace_name = std::filesystem::path(options.replay.trace).filename().string();
  profile.trace_digest = std::move(*digest);
  profile.tolerance =
      Merge(writer.old() != nullptr ? writer.old()->tolerance : Tolerance{}, options.tolerance);
  profile.ignored = std::move(*ignored);
  for (const PictureEvent& picture : outcome.pictures) {
    profile.frames.push_back({picture.frame, picture.scanout, picture.width, picture.height,
                              picture.digest, FramePictureName(picture.frame)});
  }
  return profile;
}

// "0-3, 7"
std::string Listed(const std::vector<uint64_t>& numbers) {
  std::string text;
  for (size_t i = 0; i < numbers.size();) {
    size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", numbers[i]);
    if (last != i) text += fmt::format("-{}", numbers[last]);
    i = last + 1;
  }
  return text;
}

void PrintChanges(const GoldenOptions& options, const GoldenWriter& writer,
                  const GoldenChanges& changes) {
  Print("{}, profile {}: {} frames added, {} removed, {} changed, {} unchanged\n",
        EscapeForTerminal(options.folder), writer.profile(), changes.added.size(),
        changes.removed.size(), changes.changed.size(), changes.unchanged);
  if (writer.old() == nullptr && !writer.manifest().profiles.empty()) {
    Print("  the profile is a new one, beside {}\n", writer.manifest().Names());
  }
  for (const std::string& other : changes.others) Print("  {}\n", EscapeForTerminal(other));
  if (!changes.added.empty()) Print("  added: {}\n", Listed(changes.added));
  if (!changes.removed.empty()) Print("  removed: {}\n", Listed(changes.removed));
  for (const FrameResult& changed : changes.changed) {
    Print("  {}\n", EscapeForTerminal(changed.message));
  }
}

nlohmann::ordered_json ChangesJson(const GoldenWriter& writer, const GoldenChanges& changes,
                                   bool written) {
  nlohmann::ordered_json json = {{"profile", writer.profile()},
                                 {"written", written},
                                 {"added", changes.added},
                                 {"removed", changes.removed},
                                 {"changed", nlohmann::ordered_json::array()},
                                 {"unchanged", changes.unchanged},
                                 {"other_changes", changes.others}};
  for (const FrameResult& changed : changes.changed) {
    nlohmann::ordered_json one = {{"frame", changed.frame}, {"message", changed.message}};
    AddPicture(changed, one);
    json["changed"].push_back(std::move(one));
  }
  return {{"golden_changes", std::move(json)}};
}

// What stands on damage would be expected of every replay from then on.
Error Damaged(const std::string& trace) {
  return Error{ErrorCode::kUnreadable,
               fmt::format("{}: is damaged; no golden set is made of it", trace)};
}

// A set without some of the frames that were asked for would seem to hold them.
Status CheckOutcome(const GoldenOptions& options, const ReplayOutcome& outcome) {
  if (!outcome.done->damage.empty()) return tl::unexpected(Damaged(options.replay.trace));
  const auto no_picture = std::ranges::find_if(outcome.notes, [](const std::string& note) {
    return note.starts_with("frame ") && note.find(": no picture: ") != note.npos;
  });
  if (no_picture != outcome.notes.end()) {
    return MakeError(ErrorCode::kFailed, fmt::format("{}: {}", options.replay.trace, *no_picture));
  }
  if (!outcome.pictures.empty()) return {};
  return tl::unexpected(NoSuchFrames(options.replay.trace, *outcome.done));
}

// Shows what changes, and writes it.
int Update(const GoldenOptions& options, const ReplayRequest& request, const ReplayOutcome& outcome,
           GoldenWriter& writer) {
  const InterruptGuard guard;  // that no set is left half written, nor what was made for it
  auto profile = ProfileOf(options, writer, outcome);
  if (!profile) return Fail(profile.error());
  const auto changes = writer.ChangesTo(*profile);
  if (!changes) return Fail(changes.error());
  if (InterruptGuard::Signal() != 0) return kExitInterrupted + InterruptGuard::Signal();
  const bool adds = options.update && !writer.manifest().profiles.empty();
  const bool shows = options.dry_run || writer.old() != nullptr || adds;
  const bool writes = changes->Any() && !options.dry_run;
  if (!options.replay.json && shows) PrintChanges(options, writer, *changes);
  if (writes) {
    std::fflush(stdout);
    if (const auto done = writer.Commit(std::move(*profile), *changes); !done)
      return Fail(done.error());
  }
  if (options.replay.json) {
    const auto more = ChangesJson(writer, *changes, writes);
    Print("{}", OutcomeJson(request, outcome, &more));
  } else {
    if (writes) {
      Print("{}: {} of {} frames, made with {}\n", options.folder, outcome.pictures.size(),
            outcome.started.frames, RendererText(outcome.started.renderer));
    }
    PrintTraceState(options.replay.trace, *outcome.done);
  }
  return options.dry_run && changes->Any() ? kExitDifference : kExitSuccess;
}

int Golden(const GoldenOptions& options) {
  auto request = RequestOf(options.replay);
  if (!request) return Fail(request.error());
  auto selection = SelectionOf(options);
  if (!selection) return Fail(selection.error());
  auto writer = GoldenWriter::Begin(
      {options.folder, options.profile, options.update || options.dry_run, options.dry_run});
  if (!writer) return Fail(writer.error());
  const bool as_before = writer->old() != nullptr && options.frames.empty() && options.every == 1;
  if (as_before) *selection = FramesOfOld(*writer->old());
  request->job.frames.last = LastOf(*selection);
  request->job.pictures = std::move(*selection);
  request->job.pictures_folder = writer->staging();
  request->job.check_content = false;

  const auto outcome = Replay(*request, options.replay.json);
  if (!outcome) return Fail(outcome.error());
  if (outcome->interrupted_by != 0) return kExitInterrupted + outcome->interrupted_by;
  if (outcome->failure) return FailReplay(*outcome);
  if (const auto whole = CheckOutcome(options, *outcome); !whole) return Fail(whole.error());
  return Update(options, *request, *outcome, *writer);
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
                  "Only these frames, from 0 and inclusive: 0,10-20,30. With --update and without "
                  "--frames and --every those that are there")
      ->type_name("LIST");
  command.add_option("--every", options->every, "Only frames whose number is a multiple of N")
      ->check(UnsignedNumber())
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}))
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--profile", options->profile,
                  "The name of these pictures in the set, such as llvmpipe; another one's stay as "
                  "they are")
      ->type_name("NAME");
  AddTolerance(command, options->tolerance);
  AddIgnored(command, options->ignored);
  command.add_flag("--update", options->update,
                   "Replace the profile that is there, and say what changes");
  command.add_flag("--dry-run", options->dry_run, "Say what would change, and write nothing");
  command.footer(
      "The tolerance and what is ignored are written into the set, and hold for every verify\n"
      "against it; an update keeps those that are not given. What does not change is not\n"
      "written.\n"
      "Exit codes: 0 written, or nothing changes; 1 something would change (--dry-run); 2 wrong\n"
      "usage, or the set exists; 3 the trace cannot be read, or is damaged; 4 the replay failed;\n"
      "77 no GL here.");
  return [options] { return Golden(*options); };
}

}  // namespace vgpu::cli
