#include "replay/report/suite_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace vgpu {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

struct StatusInfo {
  std::string_view name;
  bool good;
};
constexpr std::array kStatuses = {
#define VGPU_TRACE_STATUS(NAME, text, good, summary) StatusInfo{text, good},
#include "replay/report/trace_statuses.def"
};

// One list of fields for both directions. `Archive` is called with each name and its place.
template <typename Archive, typename Frame>
void EachField(Archive& archive,
               Frame& frame) requires std::is_same_v<std::remove_const_t<Frame>, FrameResult> {
  archive("frame", frame.frame);
  archive("scanout", frame.scanout);
  archive("width", frame.width);
  archive("height", frame.height);
  archive("status", frame.status);
  archive("tier", frame.tier);
  archive("golden", frame.golden);
  archive("differing_pixels", frame.differing);
  archive("pixels", frame.pixels);
  archive("largest_difference", frame.largest);
  archive("rmse", frame.rmse);
  archive("psnr", frame.psnr);
  archive("ssim", frame.ssim);
  archive("message", frame.message);
  archive("expected", frame.expected_file);
  archive("replayed", frame.replayed_file);
  archive("difference", frame.difference_file);
}
template <typename Archive, typename Environment>
void EachField(Archive& archive, Environment& environment) requires
    std::is_same_v<std::remove_const_t<Environment>, GoldenEnvironment> {
  archive("gl_vendor", environment.gl_vendor);
  archive("gl_renderer", environment.gl_renderer);
  archive("gl_version", environment.gl_version);
  archive("mesa", environment.mesa);
  archive("renderer", environment.renderer);
  archive("vgpu", environment.vgpu);
  archive("library", environment.library);
}
template <typename Archive, typename Timing>
void EachField(Archive& archive,
               Timing& timing) requires std::is_same_v<std::remove_const_t<Timing>, TimingResult> {
  archive("verdict", timing.verdict);
  archive("measure", timing.measure);
  archive("baseline", timing.baseline);
  archive("vs", timing.vs);
  archive("confidence", timing.confidence);
  archive("threshold", timing.threshold);
  archive("estimate", timing.estimate);
  archive("low", timing.low);
  archive("high", timing.high);
  archive("smallest_visible", timing.smallest_visible);
  archive("changes", timing.changes);
  archive("settings", timing.settings);
}
template <typename Archive, typename Trace>
void EachField(Archive& archive,
               Trace& trace) requires std::is_same_v<std::remove_const_t<Trace>, TraceResult> {
  archive("name", trace.name);
  archive("trace", trace.trace);
  archive("digest", trace.digest);
  archive("status", trace.status);
  archive("message", trace.message);
  archive("last_output", trace.last_output);
  archive("exit_code", trace.exit_code);
  archive("attempts", trace.attempts);
  archive("seconds", trace.seconds);
  archive("commands", trace.commands);
  archive("difference_count", trace.difference_count);
  archive("differences", trace.differences);
  archive("notes", trace.notes);
  archive("environment", trace.environment);
  archive("golden", trace.golden);
  archive("profile", trace.profile);
  archive("environment_changes", trace.environment_changes);
  archive("reproduce", trace.reproduce);
  archive("settings", trace.settings);
  archive("timing", trace.timing);
  archive("frames", trace.frames);
}
template <typename Archive, typename Suite>
void EachField(Archive& archive,
               Suite& suite) requires std::is_same_v<std::remove_const_t<Suite>, SuiteResult> {
  archive("name", suite.name);
  archive("started", suite.started);
  archive("seconds", suite.seconds);
  archive("shard", suite.shard);
  archive("shards", suite.shards);
  archive("plan", suite.plan);
  archive("planned_in_all", suite.planned_in_all);
  archive("planned", suite.planned);
  archive("not_measured", suite.not_measured);
  archive("traces", suite.traces);
}

class Writer {
 public:
  template <typename T>
  void operator()(const char* name, const T& value) {
    if (std::optional<Json> json = Of(value)) json_[name] = std::move(*json);
  }
  Json Take() { return std::move(json_); }

 private:
  template <typename T>
  static std::optional<Json> Of(const std::optional<T>& value) {
    return value ? Of(*value) : std::nullopt;
  }
  template <typename T>
  static std::optional<Json> Of(const std::vector<T>& values) {
    Json list = Json::array();
    for (const T& value : values) list.push_back(*Of(value));
    return list;
  }
  template <typename T>
  static std::optional<Json> Of(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      return std::string(NameOf(value));
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      return value;
    } else {
      Writer inner;
      EachField(inner, value);
      return inner.Take();
    }
  }

  Json json_ = Json::object();
};

// Throws nlohmann::json::exception, and Error for a name that no table has.
class Reader {
 public:
  explicit Reader(const Json& json) : json_(json) {}
  template <typename T>
  void operator()(const char* name, T& value) {
    Into(json_.at(name), name, value);
  }
  template <typename T>
  void operator()(const char* name, std::optional<T>& value) {
    if (json_.contains(name)) Into(json_.at(name), name, value.emplace());
  }

 private:
  static void Find(const std::string& name, std::optional<FrameStatus>& out) {
    out = FindFrameStatus(name);
  }
  static void Find(const std::string& name, std::optional<ComparisonTier>& out) {
    out = FindComparisonTier(name);
  }
  static void Find(const std::string& name, std::optional<TraceStatus>& out) {
    out = FindTraceStatus(name);
  }

  template <typename T>
  static void Into(const Json& json, const char* name, std::vector<T>& values) {
    for (const Json& one : json) Into(one, name, values.emplace_back());
  }
  template <typename T>
  static void Into(const Json& json, const char* name, T& value) {
    if constexpr (std::is_enum_v<T>) {
      std::optional<T> found;
      Find(json.get<std::string>(), found);
      if (!found)
        throw Error{ErrorCode::kUnreadable, fmt::format("has the {} {}", name, json.dump())};
      value = *found;
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      json.get_to(value);
    } else {
      Reader inner(json);
      EachField(inner, value);
    }
  }

  const Json& json_;
};

tl::unexpected<Error> Unreadable(const std::string& name, std::string_view why) {
  return MakeError(ErrorCode::kUnreadable, fmt::format("{}: {}", name, why));
}

}  // namespace

std::string_view NameOf(TraceStatus status) { return kStatuses[static_cast<size_t>(status)].name; }
bool IsGood(TraceStatus status) { return kStatuses[static_cast<size_t>(status)].good; }
std::optional<TraceStatus> FindTraceStatus(std::string_view name) {
  const auto found = std::ranges::find(kStatuses, name, &StatusInfo::name);
  if (found == kStatuses.end()) return std::nullopt;
  return static_cast<TraceStatus>(found - kStatuses.begin());
}

bool SuiteResult::IsGood() const {
  return std::ranges::all_of(traces,
                             [](const TraceResult& trace) { return vgpu::IsGood(trace.status); });
}

std::string ToJson(const SuiteResult& result) {
  Writer writer;
  writer("version", kVersion);
  EachField(writer, result);
  return writer.Take().dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<SuiteResult> SuiteResultOf(std::string_view text, const std::string& name) {
  try {
    const Json json = Json::parse(text);
    if (const int version = json.at("version").get<int>(); version != kVersion) {
      return Unreadable(name,
                        fmt::format("has version {} of results; {} is known", version, kVersion));
    }
    SuiteResult result;
    Reader reader(json);
    EachField(reader, result);
    return result;
  } catch (const Error& error) {
    return Unreadable(name, error.message);
  } catch (const Json::exception& error) {
    return Unreadable(name, fmt::format("holds no results: {}", error.what()));
  }
}

}  // namespace vgpu
