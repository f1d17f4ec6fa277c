#include "replay/suite/path_pattern.h"

#include <fnmatch.h>

#include <algorithm>
#include <span>

namespace vgpu {

namespace {

namespace fs = std::filesystem;
using Parts = std::span<const std::string>;

std::vector<std::string> PartsOf(std::string_view path) {
  std::vector<std::string> parts;
  for (const fs::path& part : fs::path(path)) parts.push_back(part.string());
  return parts;
}

bool MatchesName(const std::string& pattern, const std::string& name) {
  return fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0;
}

bool IsHidden(const std::string& name) { return name.starts_with('.'); }

bool Matches(Parts pattern, Parts path) {
  // Whether what came of the pattern so far matches the first j names of the path.
  std::vector<bool> matches(path.size() + 1, false);
  matches[0] = true;
  for (const std::string& part : pattern) {
    std::vector<bool> next(path.size() + 1, false);
    for (size_t j = 0; j <= path.size(); ++j) {
      if (part == "**") {
      below_stars_ = below;
      FindAll(below, pattern);
    } else if (part.find_first_of("*?[") == part.npos) {  // "..", and folders that nobody may list
      Step(below / part, is_last, pattern);
    } else {
      for (const auto& [name, is_folder] : NamesIn(below, true)) {
        if (MatchesName(part, name)) Step(below / name, is_last, pattern);
      }
    }
  }

  std::vector<std::string> Take() {
    std::ranges::sort(found_);
    found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
    return std::move(found_);
  }

 private:
  void Step(const fs::path& path, bool is_last, Parts pattern) {
    std::error_code error;
    if (!is_last) {
      if (fs::is_directory(folder_ / path, error)) Walk(path, pattern.subspan(1));
    } else if (fs::is_regular_file(folder_ / path, error)) {
      found_.push_back(path.string());
    }
  }

  // All files, matched against what follows of the pattern.
  void FindAll(const fs::path& below, Parts pattern) {
    for (const auto& [name, is_folder] : NamesIn(below, false)) {
      const fs::path path = below / name;
      std::error_code error;
      if (is_folder) {
        if (!IsHidden(name)) FindAll(path, pattern);
      } else if (fs::is_regular_file(folder_ / path, error)) {
        const fs::path relative = below_stars_.empty() ? path : path.lexically_relative(below_stars_);
        if (Matches(pattern, PartsOf(relative.string()))) found_.push_back(path.string());
      }
    }
  }

  struct Entry {
    std::string name;
    bool is_folder = false;
  };
  std::vector<Entry> NamesIn(const fs::path& below, bool follow_links) const {
    std::vector<Entry> entries;
    std::error_code error;
    for (fs::directory_iterator entry(folder_ / below, error), end; !error && entry != end;
         entry.increment(error)) {
      std::error_code ignored;
      const auto status = follow_links ? entry->status(ignored) : entry->symlink_status(ignored);
      entries.push_back({entry->path().filename().string(), fs::is_directory(status)});
    }
    return entries;
  }

  const fs::path folder_;
  fs::path below_stars_;  // where the pattern's first ** stands
  std::vector<std::string> found_;
};

}  // namespace

bool MatchesPath(std::string_view pattern, std::string_view path) {
  return Matches(PartsOf(pattern), PartsOf(path));
}

std::vector<std::string> FindFiles(const fs::path& folder, std::string_view pattern) {
  const std::vector<std::string> parts = PartsOf(pattern);
  Finder finder(folder);
  finder.Walk("", parts);
  return finder.Take();
}

}  // namespace vgpu
