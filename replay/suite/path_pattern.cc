#include "replay/suite/path_pattern.h"

#include <fnmatch.h>

#include <algorithm>
#include <span>
#include <utility>

namespace vgpu {

namespace {

namespace fs = std::filesystem;
using Parts = std::span<const std::string>;

constexpr std::string_view kAnyFolders = "**";

std::vector<std::string> PartsOf(const fs::path& path) {
  std::vector<std::string> parts;
  for (const fs::path& part : path) {
    if (part != ".") parts.push_back(part.string());
  }
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
      if (part == kAnyFolders) {
        next[j] = matches[j] || (j != 0 && next[j - 1] && !IsHidden(path[j - 1]));
      } else if (j != 0) {
        next[j] = matches[j - 1] && MatchesName(part, path[j - 1]);
      }
    }
    matches = std::move(next);
  }
  return matches.back();
}

class Finder {
 public:
  explicit Finder(const fs::path& folder) : folder_(folder) {}

  void Walk(const fs::path& below, Parts pattern) {
    if (pattern.empty()) return;
    const std::string& part = pattern.front();
    if (part == kAnyFolders) {
      FindAll(below, {}, pattern);
    } else if (part.find_first_of("*?[") == part.npos) {  // "..", and folders that nobody may list
      Step(below / part, pattern.subspan(1));
    } else {
      for (const auto& [name, is_folder] : NamesIn(below)) {
        if (MatchesName(part, name)) Step(below / name, pattern.subspan(1));
      }
    }
  }

  std::vector<std::string> Take() {
    for (std::string& path : found_) path = fs::path(path).lexically_normal().string();
    std::ranges::sort(found_);
    // "*/../a" comes to a by each folder.
    found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
    return std::move(found_);
  }

 private:
  struct Entry {
    std::string name;
    bool is_folder = false;  // itself, not by a link
  };

  void Step(const fs::path& path, Parts rest) {
    std::error_code error;
    if (!rest.empty()) {
      if (fs::is_directory(folder_ / path, error)) Walk(path, rest);
    } else if (fs::is_regular_file(folder_ / path, error)) {
      found_.push_back(path.string());
    }
  }

  // All files below, each held against the pattern once.
  void FindAll(const fs::path& base, const fs::path& below, Parts pattern) {
    for (const auto& [name, is_folder] : NamesIn(base / below)) {
      const fs::path path = below / name;
      std::error_code error;
      if (is_folder) {
        if (!IsHidden(name)) FindAll(base, path, pattern);
      } else if (fs::is_regular_file(folder_ / base / path, error) &&
                 Matches(pattern, PartsOf(path))) {
        found_.push_back((base / path).string());
      }
    }
  }

  std::vector<Entry> NamesIn(const fs::path& below) const {
    std::vector<Entry> entries;
    std::error_code error, ignored;
    for (fs::directory_iterator entry(folder_ / below, error), end; !error && entry != end;
         entry.increment(error)) {
      entries.push_back(
          {entry->path().filename().string(), fs::is_directory(entry->symlink_status(ignored))});
    }
    return entries;
  }

  const fs::path folder_;
  std::vector<std::string> found_;
};

}  // namespace

bool MatchesPath(std::string_view pattern, std::string_view path) {
  return Matches(PartsOf(fs::path(pattern).lexically_normal()), PartsOf(path));
}

std::vector<std::string> FindFiles(const fs::path& folder, std::string_view pattern) {
  const std::vector<std::string> parts = PartsOf(pattern);
  Finder finder(folder);
  finder.Walk("", parts);
  return finder.Take();
}

}  // namespace vgpu
