// Which traces a suite was made for, by content: SUITE.lock.json beside it.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/protocol/error.h"

namespace vgpu {

class TraceLock {
 public:
  // "a/suite.toml" has "a/suite.lock.json".
  static std::filesystem::path FileOf(const std::filesystem::path& suite_file);

  // Empty where there is no such file. kUnreadable: it is no lock.
  static Result<TraceLock> Read(const std::filesystem::path& file);
  // Whole or not at all. kFailed with the system's reason.
  Status Write(const std::filesystem::path& file) const;

  // Adds what `file` has no digest of yet: what others wrote meanwhile stays. As Read and Write.
  static Status AddNew(const std::filesystem::path& file,
                       const std::map<std::string, std::string>& digests);

  // Of a trace by its path, as the suite knows it. Nothing: it is not recorded.
  std::optional<std::string> DigestOf(const std::string& path) const;
  // False where that is what is recorded.
  bool Record(const std::string& path, const std::string& digest);
  // Forgets all but these, and names what was forgotten.
  std::vector<std::string> KeepOnly(const std::vector<std::string>& paths);

 private:
  std::map<std::string, std::string> digests_;  // by path
};

}  // namespace vgpu
