// A setting of the second configuration that `bench` compares with, as it is written: "KEY", or
// "KEY:VALUE".
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vgpu {

enum class BenchSetting {
#define VGPU_BENCH_SETTING(NAME, key, value, is_file, summary) NAME,
#include "replay/timing/bench_settings.def"
};

struct BenchSettingInfo {
  BenchSetting setting;
  std::string_view key, value, summary;  // value: how help calls it; empty: it takes none
  bool is_file;                          // the value is a path
};
std::span<const BenchSettingInfo> BenchSettings();

struct SplitSetting {
  const BenchSettingInfo* info = nullptr;  // null: there is none of that key
  std::string key, value;
};
SplitSetting SplitBenchSetting(const std::string& text);

// The same for another working directory, where that of relative paths in it is now `folder`.
std::string BenchSettingIn(const std::filesystem::path& folder, const std::string& text);

// A folder is named for the libvirglrenderer in it.
inline constexpr std::string_view kBenchLibraryName = "libvirglrenderer.so.1";
// The file whose content a measurement depends on; none: it names none.
std::optional<std::filesystem::path> FileOfBenchSetting(const std::filesystem::path& folder,
                                                        const std::string& text);

}  // namespace vgpu
