// What the viewers of trace events need of a file, as the Trace Event Format says it.
#pragma once

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace vgpu {

inline std::string TextOf(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// The first rule that the events break, with the event; empty where they break none.
inline std::string BrokenRule(const nlohmann::json& events) {
  if (!events.is_array()) return "the file is no array";
  struct Open {
    int64_t end;
  };
  std::map<std::pair<int64_t, int64_t>, std::vector<Open>> nests;
  std::map<std::pair<int64_t, int64_t>, int64_t> last;
  for (const auto& event : events) {
    for (const char* field : {"ph", "ts", "pid", "tid", "name"}) {
      if (!event.contains(field)) return std::string("no ") + field + ": " + event.dump();
    }
    if (!event["ts"].is_number() || event["ts"] < 0) return "ts: " + event.dump();
    const std::string ph = event["ph"];
    const std::pair track{event["pid"].get<int64_t>(), event["tid"].get<int64_t>()};
    // Nanoseconds: the format's microseconds with three decimals.
    const int64_t ts = std::llround(event["ts"].get<double>() * 1000);
    if (ph == "M") {
      if (!event["args"].is_object() || event["args"].empty()) return "args: " + event.dump();
      continue;
    }
    if (ph != "X" && ph != "C") return "ph: " + event.dump();
    if (ts < last[track]) return "earlier than the one before it: " + event.dump();
    last[track] = ts;
    if (ph == "C") {
      if (!event["args"].begin()->is_number()) return "a counter's value: " + event.dump();
      continue;
    }
    if (!event["dur"].is_number() || event["dur"] < 0) return "dur: " + event.dump();
    const int64_t end = ts + std::llround(event["dur"].get<double>() * 1000);
    auto& nest = nests[track];
    while (!nest.empty() && nest.back().end <= ts) nest.pop_back();
    if (!nest.empty() && end > nest.back().end) return "ends after what it is in: " + event.dump();
    nest.push_back({end});
  }
  return {};
}

}  // namespace vgpu
