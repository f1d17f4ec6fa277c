#include "cli/replay/bench_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

namespace vgpu::cli {

namespace {

using Document = nlohmann::json;

// What drivers and the dynamic linker look at.
constexpr std::array<std::string_view, 10> kVariables = {
    "EGL_", "GALLIUM_", "GALLIVM_", "LD_", "LIBGL_", "LP_", "MESA_", "VIRGL_", "VREND_", "vblank_"};

std::string Processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("model name")) continue;
    const size_t value = line.find_first_not_of(" \t:", std::string_view("model name").size());
    return value == std::string::npos ? "" : line.substr(value);
  }
  return "";
}

// Those of this process, as `changes` make them.
std::vector<std::pair<std::string, std::string>> DriverVariables(
    const BenchConfiguration& configuration) {
  std::vector<std::pair<std::string, std::string>> all = configuration.environment;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string text = *one;
    const size_t equals = std::min(text.find('='), text.size());
    const std::string name = text.substr(0, equals);
    const bool changed =
        std::ranges::any_of(all, [&](const auto& variable) { return variable.first == name; });
    if (!changed) all.emplace_back(name, equals < text.size() ? text.substr(equals + 1) : "");
  }
  std::erase_if(all, [](const auto& variable) {
    return std::ranges::none_of(
        kVariables, [&](std::string_view prefix) { return variable.first.starts_with(prefix); });
  });
  std::ranges::sort(all);
  return all;
}

Facts FactsOf(const BenchConfiguration& configuration, const Document& renderer) {
  const auto text = [&](const char* name) { return renderer.at(name).get<std::string>(); };
  Facts facts = {{"renderer", text("name") + " " + text("version")},
                 {"GL vendor", text("gl_vendor")},
                 {"GL renderer", text("gl_renderer")},
                 {"GL version", text("gl_version")},
                 {"processor", Processor()},
                 {"processors", std::to_string(sysconf(_SC_NPROCESSORS_ONLN))}};
  for (const auto& [name, value] : DriverVariables(configuration)) {
    facts.emplace_back(std::string(kVariableFact) + name, value);
  }
  const ReplayOptions& replay = configuration.replay;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) facts.emplace_back(std::string(kOptionFact) + name, value);
  };
  add("--heap", replay.heap);
  add("--heap-size", replay.heap_size);
  add("--allocator", replay.allocator);
  return facts;
}

TimedReplay ReplayOf(const Document& loop) {
  TimedReplay replay;
  const auto times = [](const Document& wall, const Document& cpu, const Document& renderer) {
    return Times{wall.get<double>(), cpu.get<double>(), renderer.get<double>()};
  };
  replay.whole = times(loop.at("total_ns"), loop.at("cpu_ns"), loop.at("renderer_ns"));
  // An older program of --vs does not tell them apart.
  replay.guest_write_ns = loop.value("guest_write_ns", 0.0);
  const Document& frames = loop.at("frames");
  for (size_t i = 0; i < frames.at("total_ns").size(); ++i) {
    replay.frames.push_back(times(frames.at("total_ns").at(i), frames.at("cpu_ns").at(i),
                                  frames.at("renderer_ns").at(i)));
  }
  return replay;
}

ErrorCode CodeOf(int status) {
  switch (status) {
    case kExitUsage:
      return ErrorCode::kUsage;
    case kExitUnreadable:
      return ErrorCode::kUnreadable;
    case kExitUnavailable:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kFailed;
  }
}

// A replay that failed: what it says of itself, without its name before it.
Error ErrorOf(const BenchConfiguration& configuration, const std::string& trace,
              const ProgramOutput& output) {
  constexpr std::string_view kName = "vgpu-replay: ";
  std::string what = fmt::format("the replay ended with status {}", output.status);
  const size_t place = output.error.find(kName);
  if (place != std::string::npos) what = output.error.substr(place + kName.size());
  while (what.ends_with('\n')) what.pop_back();
  std::string who = configuration.settings.empty()
                        ? ""
                        : fmt::format("--vs {}: ", fmt::join(configuration.settings, " "));
  if (what.find(trace) == std::string::npos) who += trace + ": ";
  return Error{CodeOf(output.status), who + what};
}

// The dynamic linker goes on without a library that it cannot load, and says so. A measurement of
// that would be one of something else.
std::optional<std::string> LinkerError(const std::string& text) {
  const size_t begin = text.find("ERROR: ld.so: ");
  if (begin == std::string::npos) return std::nullopt;
  return text.substr(begin, text.find('\n', begin) - begin);
}

// Of a program that was allowed so many replays.
Result<BenchRun> RunFrom(const BenchConfiguration& configuration, const std::string& trace,
                         const std::string& text, uint64_t replays) {
  const auto failed = [&](const std::string& what) {
    return MakeError(ErrorCode::kFailed, fmt::format("{}: {}", trace, what));
  };
  try {
    const Document document = Document::parse(text);
    if (document.contains("failure")) return failed(document.at("failure").get<std::string>());
    if (!document.at("damage").empty()) {
      return MakeError(ErrorCode::kUnreadable, document.at("damage").at(0).get<std::string>());
    }
    BenchRun run;
    run.environment = FactsOf(configuration, document.at("renderer"));
    run.preloaded = document.at("preloaded").get<bool>();
    const Document& loops = document.at("loop_times");
    for (const Document& loop : loops) run.replays.push_back(ReplayOf(loop));
    if (run.replays.size() < replays) {
      return failed(fmt::format("it was replayed {} times of {}", run.replays.size(), replays));
    }
    run.commands = document.at("commands").get<uint64_t>() / loops.size();
    // Some may come in a few replays only.
    const auto differences = document.at("difference_count").get<uint64_t>();
    run.differences = (differences + loops.size() - 1) / loops.size();
    for (const TimedReplay& replay : run.replays) {
      if (replay.frames.size() != run.replays.front().frames.size()) {
        return failed("its replays present different numbers of frames");
      }
    }
    return run;
  } catch (const Document::exception& error) {
    return failed(fmt::format("what the replay says is not understood: {}", error.what()));
  }
}

// A configuration's program while it runs, or its error.
class Participant {
 public:
  Participant(const BenchConfiguration& configuration, const std::string& trace)
      : configuration_(configuration), trace_(trace) {}

  Status Start(const std::string& frames, uint64_t replays) {
    auto program = RunningProgram::Start(CallOf(configuration_, trace_, frames, replays));
    if (!program) return tl::unexpected(program.error());
    program_ = std::move(*program);
    return {};
  }
  // Waits until it is ready for a replay, and until it has done it. False: it has ended.
  bool Wait() { return program_->TakeLine(); }
  void Allow() { program_->SendLine(); }
  // `replays`: how many it was allowed.
  Result<BenchRun> Finish(uint64_t replays) {
    const ProgramOutput output = program_->Finish();
    if (const auto error = LinkerError(output.error)) {
      return UsageError(
          fmt::format("--vs {}: {}", fmt::join(configuration_.settings, " "), *error));
    }
    // Of a damaged trace the document names the damage; of what is no trace there is none.
    const bool whole = output.status == kExitSuccess || output.status == kExitDifference ||
                       (output.status == kExitUnreadable && Document::accept(output.out));
    if (!whole) return tl::unexpected(ErrorOf(configuration_, trace_, output));
    return RunFrom(configuration_, trace_, output.out, replays);
  }

 private:
  const BenchConfiguration& configuration_;
  const std::string& trace_;
  std::unique_ptr<RunningProgram> program_;
};

// All but the last replay's end, which Finish waits for: then it does what ends a process.
bool TakeTurn(Participant& one, bool last) {
  one.Allow();
  return last || one.Wait();
}

std::string WhoOf(const BenchConfiguration& configuration) {
  return configuration.settings.empty()
             ? "as called"
             : fmt::format("with --vs {}", fmt::join(configuration.settings, " "));
}

}  // namespace

Result<BenchRun> RunOnce(const BenchConfiguration& configuration, const std::string& trace,
                         const std::string& frames, uint64_t replays) {
  Participant one(configuration, trace);
  if (const auto status = one.Start(frames, replays); !status) {
    return tl::unexpected(status.error());
  }
  bool runs = one.Wait();
  for (uint64_t i = 0; i < replays && runs; ++i) runs = TakeTurn(one, i + 1 == replays);
  return one.Finish(replays);
}

Result<std::pair<BenchRun, BenchRun>> RunInTurns(const BenchConfiguration& a,
                                                 const BenchConfiguration& b,
                                                 const std::string& trace,
                                                 const std::string& frames, uint64_t replays) {
  Participant first(a, trace), second(b, trace);
  // One more than wanted, which none is allowed: so that both are there until both are done.
  for (Participant* one : {&first, &second}) {
    if (const auto status = one->Start(frames, replays + 1); !status) {
      return tl::unexpected(status.error());
    }
  }
  bool first_runs = first.Wait(), second_runs = second.Wait();
  for (uint64_t i = 0; i < replays && first_runs && second_runs; ++i) {
    Participant& early = i % 2 == 0 ? first : second;
    Participant& late = i % 2 == 0 ? second : first;
    (i % 2 == 0 ? first_runs : second_runs) = TakeTurn(early, false);
    (i % 2 == 0 ? second_runs : first_runs) = TakeTurn(late, false);
  }
  auto a_run = first.Finish(replays);
  auto b_run = second.Finish(replays);
  // Who ends early leaves the other short of replays: that is then not what is wrong.
  if (first_runs && !b_run) return tl::unexpected(b_run.error());
  if (!a_run) return tl::unexpected(a_run.error());
  if (!b_run) return tl::unexpected(b_run.error());
  const size_t a_frames = a_run->replays.front().frames.size();
  const size_t b_frames = b_run->replays.front().frames.size();
  if (a_frames != b_frames) {
    return MakeError(ErrorCode::kFailed, fmt::format("{}: presents {} frames {}, and {} {}", trace,
                                                     a_frames, WhoOf(a), b_frames, WhoOf(b)));
  }
  return std::pair(std::move(*a_run), std::move(*b_run));
}

}  // namespace vgpu::cli
