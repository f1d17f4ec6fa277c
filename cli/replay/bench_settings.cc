#include "cli/replay/bench_settings.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "replay/timing/bench_setting.h"

namespace vgpu::cli {

namespace {

namespace fs = std::filesystem;

class Changes {
 public:
  Changes(const BenchConfiguration& own, const fs::path& folder) : folder_(folder), changed_(own) {}

  Status Add(const std::string& text);
  BenchConfiguration Take() { return std::move(changed_); }

 private:
  Status Apply(BenchSetting setting, const std::string& value);
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
  const SplitSetting split = SplitBenchSetting(text);
  const std::string& key = split.key;
  const std::string& value = split.value;
  const BenchSettingInfo* info = split.info;
  if (info == nullptr) {
    std::string keys;
    for (const BenchSettingInfo& one : BenchSettings()) {
      keys += fmt::format("{}{}", keys.empty() ? "" : ", ", one.key);
    }
    return wrong(fmt::format("there is no setting '{}'; the settings are {}", key, keys));
  }
  if (value.empty() != info->value.empty()) {
    return wrong(info->value.empty()
                     ? fmt::format("'{}' takes no value", key)
                     : fmt::format("a {} is missing: {}:{}", info->value, key, info->value));
  }
  const Status applied = Apply(info->setting, value);
  return applied ? applied : wrong(applied.error().message);
}

Status Changes::Apply(BenchSetting setting, const std::string& value) {
  switch (setting) {
    case BenchSetting::kSelf:
      return {};
    case BenchSetting::kEnvironment:
      return SetVariable(value);
    case BenchSetting::kLibrary:
      return SetLibrary(folder_ / value);
    case BenchSetting::kPreload:
      return AddPreload(folder_ / value);
    case BenchSetting::kProgram:
      if (!fs::exists(folder_ / value)) return UsageError("there is no such file");
      changed_.program = fs::absolute(folder_ / value);
      return {};
    case BenchSetting::kRenderer:
      return SetName(changed_.replay.renderer, RendererNames(), value);
    case BenchSetting::kHeap:
      return SetName(changed_.replay.heap, PolicyNames(), value);
    case BenchSetting::kHeapSize:
      changed_.replay.heap_size = value;
      return {};
    case BenchSetting::kAllocator:
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
  if (!fs::exists(fs::path(path) / kBenchLibraryName)) {
    return UsageError(fmt::format("there is no {} in this folder", kBenchLibraryName));
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
  for (const BenchSettingInfo& info : BenchSettings()) {
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
