#include "replay/report/html_report.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "replay/page/page.h"
#include "replay/report/page_pictures.h"
#include "replay/report/report_page/page_parts.h"
#include "replay/report/timing_text.h"
#include "replay/report/worst.h"

namespace vgpu {

namespace {

using ReportJson = nlohmann::ordered_json;

// The tables that the page's numbers are places in.
ReportJson VocabularyJson() {
  ReportJson json;
  json["trace_statuses"] = {
#define VGPU_TRACE_STATUS(NAME, text, good, summary) \
  {{"text", text}, {"good", good}, {"summary", summary}},
#include "replay/report/trace_statuses.def"
  };
  json["frame_statuses"] = {
#define VGPU_FRAME_STATUS(NAME, text, summary) {{"text", text}, {"summary", summary}},
#include "replay/frames/frame_result.def"
  };
  json["tiers"] = {
#define VGPU_COMPARISON_TIER(NAME, text, summary) {{"text", text}, {"summary", summary}},
#include "replay/frames/frame_result.def"
  };
  return json;
}

// Leaves out what is empty: a page holds many.
template <typename T>
void AddIfAny(ReportJson& json, const char* name, const T& value) {
  if (!(value == T{})) json[name] = value;
}

template <typename T>
void AddIfAny(ReportJson& json, const char* name, const std::optional<T>& value) {
  if (value) json[name] = *value;
}

ReportJson EnvironmentOfPage(const GoldenEnvironment& environment) {
  ReportJson json = ReportJson::object();
  AddIfAny(json, "GL vendor", environment.gl_vendor);
  AddIfAny(json, "GL renderer", environment.gl_renderer);
  AddIfAny(json, "GL version", environment.gl_version);
  AddIfAny(json, "Mesa", environment.mesa);
  AddIfAny(json, "renderer", environment.renderer);
  AddIfAny(json, "renderer's library", environment.library);
  AddIfAny(json, "vgpu", environment.vgpu);
  return json;
}

class ReportPageMaker {
 public:
  explicit ReportPageMaker(uint64_t max_picture_bytes)
      : max_picture_bytes_(max_picture_bytes), pictures_(max_picture_bytes) {}

  std::string Make(const SuiteResult& suite) {
    ReportJson json = VocabularyJson();
    json["suite"] = {{"name", suite.name},
                     {"started", suite.started},
                     {"seconds", suite.seconds},
                     {"shard", suite.shard},
                     {"shards", suite.shards}};
    json["traces"] = ReportJson::array();
    for (const size_t i : WorstTracesFirst(suite))
      json["traces"].push_back(TraceOf(suite.traces[i]));
    json["environments"] = std::move(environments_);
    json["pictures"] = ReportJson::array();
    for (const PagePictures::Picture& picture : pictures_.pictures()) {
      json["pictures"].push_back({picture.file, picture.problem});
    }
    json["left_out"] = pictures_.left_out();
    json["max_picture_bytes"] = max_picture_bytes_;
    const std::string data =
        ScriptJson(json.dump(-1, ' ', false, ReportJson::error_handler_t::replace));
    return FillPage(kReportPageHtml, {{"{{css}}", kReportPageCss},
                                      {"{{data}}", data},
                                      {"{{script}}", kReportPageScript},
                                      {"{{pictures}}", PictureElements()}});
  }

 private:
  ReportJson TraceOf(const TraceResult& trace) {
    ReportJson json = {{"name", trace.name},
                       {"status", static_cast<int>(trace.status)},
                       {"seconds", trace.seconds},
                       {"commands", trace.commands}};
    AddIfAny(json, "file", trace.trace);
    AddIfAny(json, "digest", trace.digest);
    AddIfAny(json, "message", trace.message);
    AddIfAny(json, "last_output", trace.last_output);
    AddIfAny(json, "exit_code", trace.exit_code);
    if (trace.timing) json["timing"] = ToText(*trace.timing);
    if (trace.attempts != 1) json["attempts"] = trace.attempts;
    AddIfAny(json, "difference_count", trace.difference_count);
    AddIfAny(json, "differences", trace.differences);
    AddIfAny(json, "notes", trace.notes);
    AddIfAny(json, "golden", trace.golden);
    AddIfAny(json, "profile", trace.profile);
    AddIfAny(json, "environment_changes", trace.environment_changes);
    AddIfAny(json, "reproduce", trace.reproduce);
    AddEnvironment(trace.environment, json);
    AddFrames(trace, json);
    return json;
  }

  // Most traces of a suite have the same one.
  void AddEnvironment(const GoldenEnvironment& environment, ReportJson& json) {
    ReportJson one = EnvironmentOfPage(environment);
    if (one.empty()) return;
    const auto [found, is_new] = environment_of_.emplace(
        one.dump(-1, ' ', false, ReportJson::error_handler_t::replace), environments_.size());
    if (is_new) environments_.push_back(std::move(one));
    json["environment"] = found->second;
  }

  void AddFrames(const TraceResult& trace, ReportJson& json) {
    const std::vector<size_t> worst = WorstFramesFirst(trace);
    // The worst get their pictures first.
    std::vector<ReportJson> frames(trace.frames.size());
    for (const size_t i : worst) frames[i] = FrameOf(trace.frames[i]);
    json["frames"] = std::move(frames);
    json["worst"] = worst;
  }

  // A row, for there may be many: what nearly all have comes first, the rest by name.
  ReportJson FrameOf(const FrameResult& frame) {
    ReportJson rest = ReportJson::object();
    AddIfAny(rest, "scanout", frame.scanout);
    AddIfAny(rest, "width", frame.width);
    AddIfAny(rest, "height", frame.height);
    AddIfAny(rest, "tier", static_cast<int>(frame.tier));
    AddIfAny(rest, "golden", frame.golden);
    AddIfAny(rest, "differing", frame.differing);
    AddIfAny(rest, "pixels", frame.pixels);
    AddIfAny(rest, "largest", frame.largest);
    AddIfAny(rest, "rmse", frame.rmse);
    AddIfAny(rest, "psnr", frame.psnr);
    AddIfAny(rest, "ssim", frame.ssim);
    AddIfAny(rest, "message", frame.message);
    constexpr std::array kNames = {"expected", "replayed", "difference"};
    const auto files =
        pictures_.Add({frame.expected_file, frame.replayed_file, frame.difference_file});
    for (size_t i = 0; i < kNames.size(); ++i) AddIfAny(rest, kNames[i], files[i]);
    return {frame.frame, static_cast<int>(frame.status), std::move(rest)};
  }

  // Apart from the JSON, so that none is copied before it is shown.
  std::string PictureElements() const {
    std::string out;
    for (size_t i = 0; i < pictures_.pictures().size(); ++i) {
      const PagePictures::Picture& picture = pictures_.pictures()[i];
      if (picture.bytes.empty()) continue;
      out += fmt::format("<script type=\"text/plain\" id=\"picture-{}\">{}</script>\n", i,
                         Base64(picture.bytes));
    }
    return out;
  }

  const uint64_t max_picture_bytes_;
  PagePictures pictures_;
  ReportJson environments_ = ReportJson::array();
  std::map<std::string, size_t> environment_of_;  // by its JSON
};

}  // namespace

std::string HtmlReport(const SuiteResult& suite, uint64_t max_picture_bytes) {
  return ReportPageMaker(max_picture_bytes).Make(suite);
}

}  // namespace vgpu
