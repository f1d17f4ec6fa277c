#include "cli/replay/bench_settings.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace vgpu::cli {

namespace {

namespace fs = std::filesystem;

enum class Setting {
#define VGPU_BENCH_SETTING(NAME, key, value, summary) NAME,
#include "cli/replay/bench_settings.def"
};

struct SettingInfo {
  Setting setting;
  std::string_view key, value, summary;
};
constexpr SettingInfo kSettings[] = {
#define VGPU_BENCH_SETTING(NAME, key, value, summary) {Setting::NAME, key, value, summary},
#include "cli/replay/bench_settings.def"
};

constexpr std::string_view kLibraryName = "libvirglrenderer.so.1";

class Changes {
 public:
  Changes(const BenchConfiguration& own, const fs::path& folder) : folder_(folder), changed_(own) {}

  Status Add(const std::string& text);
  BenchConfiguration Take() { return std::move(changed_); }

 private:
  Status Apply(Setting setting, const std::string& value);
  Status SetVariable(const std::string& text);
  Status SetLibrary(const std::string& path);
  Status AddPreload(const std::string& path);
  Status SetName(std::string& option, const std::vector<std::string>& names,
                 const std::string& value);
  // Puts `value` before what the variable holds.
  void Prepend(const std::string& name, const std::string& value);
  void Set(const std::string& name, const std::string& value);

  const fs::path& folder_;
  BenchConfiguration changed_;
};

Status Changes::Add(const std::string& text) {
  const auto wrong = [&](const std::string& why) {
    return UsageError(fmt::format("--vs {}: {}", text, why));
  };
  const size_t colon = text.find(':');
  const std::string key = text.substr(0, colon);
  const auto* info = std::ranges::find(kSettings, key, &SettingInfo::key);
  if (info == std::end(kSettings)) {
    std::string keys;
    for (const SettingInfo& one : kSettings) {
      keys += fmt::format("{}{}", keys.empty() ? "" : ", ", one.key);
    }
    return wrong(fmt::format("there is no setting '{}'; the settings are {}", key, keys));
  }
  const std::string value = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (value.empty() != info->value.empty()) {
    return wrong(info->value.empty()
                     ? fmt::format("'{}' takes no value", key)
                     : fmt::format("a {} is missing: {}:{}", info->value, key, info->value));
  }
  const Status applied = Apply(info->setting, value);
  return applied ? applied : wrong(applied.error().message);
}

Status Changes::Apply(Setting setting, const std::string& value) {
  switch (setting) {
    case Setting::kSelf:
      return {};
    case Setting::kEnvironment:
      return SetVariable(value);
    case Setting::kLibrary:
      return SetLibrary(folder_ / value);
    case Setting::kPreload:
      return AddPreload(folder_ / value);
    case Setting::kProgram:
      if (!fs::exists(folder_ / value)) return UsageError("there is no such file");
      changed_.program = fs::absolute(folder_ / value);
      return {};
    case Setting::kRenderer:
      return SetName(changed_.replay.renderer, RendererNames(), value);
    case Setting::kHeap:
      return SetName(changed_.replay.heap, PolicyNames(), value);
    case Setting::kHeapSize:
      changed_.replay.heap_size = value;
      return {};
    case Setting::kAllocator:
      return SetName(changed_.replay.allocator, AllocatorNames(), value);
  }
  return {};
}

Status Changes::SetVariable(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) {
    return UsageError("an environment variable is NAME=VALUE");
  }
  Set(text.substr(0, equals), text.substr(equals + 1));
  return {};
}

Status Changes::SetLibrary(const std::string& path) {
  if (!fs::is_directory(path)) return AddPreload(path);
  if (!fs::exists(fs::path(path) / kLibraryName)) {
    return UsageError(fmt::format("there is no {} in this folder", kLibraryName));
  }
  Prepend("LD_LIBRARY_PATH", fs::absolute(path));
  return {};
}

Status Changes::AddPreload(const std::string& path) {
  if (!fs::is_regular_file(path)) return UsageError("there is no such file");
  const std::string absolute = fs::absolute(path);
  if (absolute.find_first_of(" :") != std::string::npos) {
    return UsageError("the dynamic linker takes no path with a blank or a colon in it");
  }
  Prepend("LD_PRELOAD", absolute);
  return {};
}

Status Changes::SetName(std::string& option, const std::vector<std::string>& names,
                        const std::string& value) {
  if (std::ranges::find(names, value) == names.end()) {
    return UsageError(fmt::format("'{}' is none of {}", value, fmt::join(names, ", ")));
  }
  option = value;
  return {};
}

void Changes::Prepend(const std::string& name, const std::string& value) {
  const auto found = std::ranges::find(changed_.environment, name,
                                       [](const auto& variable) { return variable.first; });
  const char* inherited = getenv(name.c_str());
  const std::string before = found != changed_.environment.end() ? found->second
                             : inherited != nullptr              ? inherited
                                                                 : "";
  Set(name, before.empty() ? value : value + ":" + before);
}

void Changes::Set(const std::string& name, const std::string& value) {
  std::erase_if(changed_.environment, [&](const auto& variable) { return variable.first == name; });
  changed_.environment.emplace_back(name, value);
}

}  // namespace

Result<BenchConfiguration> OwnConfiguration(const ReplayOptions& options) {
  std::error_code error;
  BenchConfiguration own;
  own.program = fs::read_symlink("/proc/self/exe", error);
  if (error) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("/proc/self/exe cannot be read: {}", error.message()));
  }
  own.replay = options;
  if (const auto request = RequestOf(options); !request) return tl::unexpected(request.error());
  return own;
}

Result<BenchConfiguration> ChangedConfiguration(const BenchConfiguration& own,
                                                const std::vector<std::string>& settings,
                                                const fs::path& folder) {
  Changes changes(own, folder);
  for (const std::string& setting : settings) {
    if (const auto status = changes.Add(setting); !status) return tl::unexpected(status.error());
  }
  BenchConfiguration changed = changes.Take();
  changed.settings = settings;
  if (const auto request = RequestOf(changed.replay); !request) {
    return UsageError(fmt::format("--vs: {}", request.error().message));
  }
  return changed;
}

std::string BenchSettingsHelp() {
  std::string text;
  for (const SettingInfo& info : kSettings) {
    text += fmt::format("{}{}{}{}: {}", text.empty() ? "" : "; ", info.key,
                        info.value.empty() ? "" : ":", info.value, info.summary);
  }
  return text;
}

ProgramCall CallOf(const BenchConfiguration& configuration, const std::string& trace,
                   const std::string& frames, uint64_t loops) {
  const ReplayOptions& replay = configuration.replay;
  ProgramCall call;
  call.environment = configuration.environment;
  call.argv = {configuration.program,
               "run",
               "--json",
               "--preload",
               "--frame-times",
               "--turns",
               "--loop",
               std::to_string(loops),
               "--timeout",
               fmt::format("{}", replay.timeout_s),
               "--max-memory",
               replay.max_memory,
               "--renderer",
               replay.renderer};
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) call.argv.insert(call.argv.end(), {option, value});
  };
  add("--frames", frames);
  add("--heap", replay.heap);
  add("--heap-size", replay.heap_size);
  add("--allocator", replay.allocator);
  call.argv.insert(call.argv.end(), {"--", trace});
  return call;
}

}  // namespace vgpu::cli
