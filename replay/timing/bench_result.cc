#include "replay/timing/bench_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace vgpu {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kDocumentVersion = 1;
constexpr const char* kKind = "vgpu-replay bench";
constexpr const char* kOwnShare = "own_share";  // older documents have none

// One list of a run's numbers for both directions.
template <typename Archive, typename Run>
void EachNumber(Archive&& archive, Run& run) {
  archive("wall_ns", run.steady.wall_ns);
  archive("cpu_ns", run.steady.cpu_ns);
  archive("renderer_ns", run.steady.renderer_ns);
  archive("first_frame_ns", run.first_frame.wall_ns);
  archive("first_replay_ns", run.cold.wall_ns);
  archive("first_replay_first_frame_ns", run.cold_first_ns);
  archive("outside_renderer_share", run.outside_share);
}

Json FactsJson(const Facts& facts) {
  Json json = Json::object();
  for (const auto& [name, value] : facts) json[name] = value;
  return json;
}

Json FramesJson(const std::vector<Times>& frames) {
  Json wall = Json::array(), cpu = Json::array(), renderer = Json::array();
  for (const Times& frame : frames) {
    wall.push_back(std::llround(frame.wall_ns));
    cpu.push_back(std::llround(frame.cpu_ns));
    renderer.push_back(std::llround(frame.renderer_ns));
  }
  return {{"wall_ns", std::move(wall)},
          {"cpu_ns", std::move(cpu)},
          {"renderer_ns", std::move(renderer)}};
}

Json SideJson(const BenchSide& side) {
  Json runs = Json::array();
  for (const RunTimes& run : side.runs) {
    Json one;
    EachNumber([&one](const char* name, double value) { one[name] = value; }, run);
    one[kOwnShare] = run.own_share;
    runs.push_back(std::move(one));
  }
  return {{"settings", side.settings},
          {"environment", FactsJson(side.environment)},
          {"differences", side.differences},
          {"runs", std::move(runs)},
          {"frame_medians", FramesJson(side.FrameMedians())}};
}

// An infinity is null: JSON has none.
Json EffectJson(const Effect& effect) {
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(); };
  return {{"estimate", number(effect.estimate)},
          {"low", number(effect.low)},
          {"high", number(effect.high)},
          {"smallest_visible", number(effect.smallest_visible)}};
}

Json ComparisonJson(const BenchComparison& comparison) {
  Json json = EffectJson(comparison.effect);
  json["verdict"] = NameOf(comparison.verdict);
  json["wall"] = EffectJson(comparison.wall);
  json["cpu"] = EffectJson(comparison.cpu);
  json["renderer"] = EffectJson(comparison.renderer);
  json["changes"] = comparison.changes;
  return json;
}

Json TraceJson(const TraceBench& trace) {
  Json json = {{"trace", trace.trace},         {"digest", trace.digest},
               {"frames", trace.frames},       {"commands", trace.commands},
               {"preloaded", trace.preloaded}, {"warm_up_replays", trace.warm_up},
               {"timed_replays", trace.timed}, {"measured", SideJson(trace.side)}};
  if (trace.other) json["vs"] = SideJson(*trace.other);
  if (!trace.baseline.empty()) json["baseline"] = trace.baseline;
  if (trace.comparison) json["comparison"] = ComparisonJson(*trace.comparison);
  return json;
}

BenchSide SideOf(const Json& json) {
  BenchSide side;
  json.at("settings").get_to(side.settings);
  for (const auto& [name, value] : json.at("environment").items()) {
    side.environment.emplace_back(name, value.get<std::string>());
  }
  json.at("differences").get_to(side.differences);
  for (const Json& one : json.at("runs")) {
    RunTimes& run = side.runs.emplace_back();
    EachNumber([&one](const char* name, double& value) { one.at(name).get_to(value); }, run);
    run.own_share = one.value(kOwnShare, run.outside_share);
  }
  return side;
}

[[noreturn]] void RefuseDocument(std::string why) {
  throw Error{ErrorCode::kUnreadable, std::move(why)};
}

uint64_t ReplaysOf(const Json& json, const char* name, uint64_t least) {
  const Json& value = json.at(name);
  const uint64_t replays = value.is_number_unsigned() ? value.get<uint64_t>() : kMaxReplays + 1;
  if (replays < least || replays > kMaxReplays) {
    RefuseDocument(fmt::format("{} of {} is {}, and no number from {} to {}", name,
                               json.at("trace").get<std::string>(), value.dump(), least,
                               kMaxReplays));
  }
  return replays;
}

// A time of zero has no logarithm, and none that measures anything. A renderer may take none.
bool HasTimes(const BenchSide& side) {
  return !side.runs.empty() && std::ranges::all_of(side.runs, [](const RunTimes& run) {
    bool possible = run.steady.wall_ns > 0 && run.steady.cpu_ns > 0;
    EachNumber([&](const char*, double value) { possible = possible && value >= 0; }, run);
    return possible;
  });
}

TraceBench TraceOf(const Json& json) {
  TraceBench trace;
  json.at("trace").get_to(trace.trace);
  json.at("digest").get_to(trace.digest);
  json.at("frames").get_to(trace.frames);
  json.at("commands").get_to(trace.commands);
  json.at("preloaded").get_to(trace.preloaded);
  trace.warm_up = ReplaysOf(json, "warm_up_replays", 0);
  trace.timed = ReplaysOf(json, "timed_replays", 1);
  trace.side = SideOf(json.at("measured"));
  trace.frame_count = json.at("measured").at("frame_medians").at("wall_ns").size();
  if (!HasTimes(trace.side)) RefuseDocument(fmt::format("has no times of {}", trace.trace));
  return trace;
}

}  // namespace

std::string_view NameOf(BenchMeasure measure) {
  return measure == BenchMeasure::kWall ? "wall" : "cpu";
}

double Times::*FieldOf(BenchMeasure measure) {
  return measure == BenchMeasure::kWall ? &Times::wall_ns : &Times::cpu_ns;
}

std::vector<std::string> ChangesOf(const Facts& then, const Facts& now) {
  std::vector<std::string> changes;
  const auto value_in = [](const Facts& facts, const std::string& name) {
    const auto found = std::ranges::find(facts, name, [](const auto& fact) { return fact.first; });
    return found == facts.end() ? "" : found->second;
  };
  for (const auto& [name, value] : then) {
    if (const std::string here = value_in(now, name); here != value) {
      changes.push_back(fmt::format("{}: '{}', here '{}'", name, value, here));
    }
  }
  for (const auto& fact : now) {
    const bool known =
        std::ranges::any_of(then, [&](const auto& other) { return other.first == fact.first; });
    if (!known) changes.push_back(fmt::format("{}: '', here '{}'", fact.first, fact.second));
  }
  return changes;
}

std::vector<double> BenchSide::Logarithms(double Times::*field) const {
  std::vector<double> logarithms;
  // A renderer that took no time took less than a clock shows.
  for (const RunTimes& run : runs) logarithms.push_back(std::log(std::max(1.0, run.steady.*field)));
  return logarithms;
}

std::vector<Times> BenchSide::FrameMedians() const {
  std::vector<Times> medians;
  size_t frames = runs.empty() ? 0 : runs.front().frames.size();
  for (const RunTimes& run : runs) frames = std::min(frames, run.frames.size());
  std::vector<Times> one(runs.size());
  for (size_t frame = 0; frame < frames; ++frame) {
    for (size_t i = 0; i < runs.size(); ++i) one[i] = runs[i].frames[frame];
    medians.push_back(MedianOf(one));
  }
  return medians;
}

std::string ToJson(const BenchResult& result) {
  Json traces = Json::array();
  for (const TraceBench& trace : result.traces) traces.push_back(TraceJson(trace));
  const Json json = {{"kind", kKind},
                     {"version", kDocumentVersion},
                     {"vgpu", result.vgpu},
                     {"measure", NameOf(result.measure)},
                     {"confidence", result.rule.confidence},
                     {"threshold", result.rule.threshold},
                     {"traces", std::move(traces)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<BenchResult> BenchResultOf(std::string_view text, const std::string& name) {
  const auto unreadable = [&](std::string_view why) {
    return MakeError(ErrorCode::kUnreadable, fmt::format("{}: {}", name, why));
  };
  try {
    const Json json = Json::parse(text);
    if (json.at("kind").get<std::string>() != kKind) return unreadable("is no result of bench");
    if (const int version = json.at("version").get<int>(); version != kDocumentVersion) {
      return unreadable(
          fmt::format("has version {} of results; {} is known", version, kDocumentVersion));
    }
    BenchResult result;
    json.at("confidence").get_to(result.rule.confidence);
    json.at("threshold").get_to(result.rule.threshold);
    if (json.at("measure").get<std::string>() == NameOf(BenchMeasure::kCpu)) {
      result.measure = BenchMeasure::kCpu;
    }
    json.at("vgpu").get_to(result.vgpu);
    for (const Json& trace : json.at("traces")) result.traces.push_back(TraceOf(trace));
    return result;
  } catch (const Error& error) {
    return unreadable(error.message);
  } catch (const Json::exception& error) {
    return unreadable(fmt::format("is no result of bench: {}", error.what()));
  }
}

}  // namespace vgpu
