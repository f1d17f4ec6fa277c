#include "replay/timing/bench_setting.h"

#include <algorithm>

namespace vgpu {

namespace {

namespace fs = std::filesystem;

constexpr BenchSettingInfo kBenchSettings[] = {
#define VGPU_BENCH_SETTING(NAME, key, value, is_file, summary) \
  {BenchSetting::NAME, key, value, summary, is_file},
#include "replay/timing/bench_settings.def"
};

}  // namespace

std::span<const BenchSettingInfo> BenchSettings() { return kBenchSettings; }

SplitSetting SplitBenchSetting(const std::string& text) {
  const size_t colon = text.find(':');
  SplitSetting split;
  split.key = text.substr(0, colon);
  if (colon != std::string::npos) split.value = text.substr(colon + 1);
  const auto* info = std::ranges::find(kBenchSettings, split.key, &BenchSettingInfo::key);
  if (info != std::end(kBenchSettings)) split.info = info;
  return split;
}

std::string BenchSettingIn(const fs::path& folder, const std::string& text) {
  const SplitSetting split = SplitBenchSetting(text);
  if (split.info == nullptr || !split.info->is_file) return text;
  return split.key + ":" + (folder / split.value).string();
}

std::optional<fs::path> FileOfBenchSetting(const fs::path& folder, const std::string& text) {
  const SplitSetting split = SplitBenchSetting(text);
  if (split.info == nullptr || !split.info->is_file) return std::nullopt;
  std::error_code error;
  const fs::path path = folder / split.value;
  return fs::is_directory(path, error) ? path / kBenchLibraryName : path;
}

}  // namespace vgpu
