// A frame's result on the line from a worker to its parent. For events.cc alone.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "replay/frames/frame_result.h"

namespace nlohmann {

template <typename T>
struct adl_serializer<std::optional<T>> {
  static void to_json(json& out, const std::optional<T>& value) {
    out = value ? json(*value) : json();
  }
  static void from_json(const json& in, std::optional<T>& value) {
    if (in.is_null()) {
      value.reset();
    } else {
      value = in.get<T>();
    }
  }
};

}  // namespace nlohmann

namespace vgpu {

// A FrameResult is a list without names, [[every frame's], [what a comparison adds]]: there is one
// for each frame, most of them as they should be.
template <typename Result>
auto OfEveryFrame(Result& result) {
  return std::tie(result.frame, result.scanout, result.width, result.height, result.status,
                  result.tier, result.golden);
}
template <typename Result>
auto OfAComparison(Result& result) {
  return std::tie(result.differing, result.pixels, result.largest, result.rmse, result.psnr,
                  result.ssim, result.message, result.expected_file, result.replayed_file,
                  result.difference_file);
}

template <typename Field>
void ReadField(const nlohmann::json& json, Field& field) {
  json.get_to(field);
}
template <typename Enum>
void ReadEnum(const nlohmann::json& json, Enum last, Enum& value) {
  const auto number = json.get<uint64_t>();
  if (number > static_cast<uint64_t>(last)) {
    throw nlohmann::json::other_error::create(599, fmt::format("{} is unknown", number), &json);
  }
  value = static_cast<Enum>(number);
}
inline void ReadField(const nlohmann::json& json, FrameStatus& status) {
  ReadEnum(json, FrameStatus::kUnchecked, status);
}
inline void ReadField(const nlohmann::json& json, ComparisonTier& tier) {
  ReadEnum(json, ComparisonTier::kStructure, tier);
}
template <typename... Fields>
void ReadFields(const nlohmann::json& list, std::tuple<Fields&...> fields) {
  size_t next = 0;
  std::apply([&](auto&... field) { (ReadField(list.at(next++), field), ...); }, fields);
}

inline void to_json(nlohmann::json& out, const FrameResult& result) {
  out = nlohmann::json::array({OfEveryFrame(result)});
  if (result.pixels != 0 || !result.message.empty()) out.push_back(OfAComparison(result));
}
inline void from_json(const nlohmann::json& in, FrameResult& result) {
  ReadFields(in.at(0), OfEveryFrame(result));
  if (in.size() > 1) ReadFields(in.at(1), OfAComparison(result));
}

}  // namespace vgpu
