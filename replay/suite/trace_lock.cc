#include "replay/suite/trace_lock.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "replay/golden/folder_lock.h"
#include "replay/suite/whole_file.h"

namespace vgpu {

namespace {

using LockJson = nlohmann::ordered_json;

constexpr int kLockVersion = 1;

}  // namespace

std::filesystem::path TraceLock::FileOf(const std::filesystem::path& suite_file) {
  return std::filesystem::path(suite_file).replace_extension(".lock.json");
}

Result<TraceLock> TraceLock::Read(const std::filesystem::path& file) {
  TraceLock lock;
  std::error_code error;
  if (!std::filesystem::exists(file, error) && !error) return lock;
  const auto text = ReadWholeFile(file);
  if (!text) return tl::unexpected(text.error());
  try {
    const LockJson json = LockJson::parse(*text);
    if (const int version = json.at("version").get<int>(); version != kLockVersion) {
      return MakeError(ErrorCode::kUnreadable,
                       fmt::format("{}: has version {} of a suite's digests; {} is known",
                                   file.string(), version, kLockVersion));
    }
    for (const auto& [path, digest] : json.at("traces").items()) {
      lock.digests_[path] = digest.get<std::string>();
    }
  } catch (const LockJson::exception& what) {
    return MakeError(ErrorCode::kUnreadable, fmt::format("{}: holds no digests of a suite: {}",
                                                         file.string(), what.what()));
  }
  return lock;
}

Status TraceLock::Write(const std::filesystem::path& file) const {
  LockJson json;
  json["version"] = kLockVersion;
  json["traces"] = LockJson::object();
  for (const auto& [path, digest] : digests_) json["traces"][path] = digest;
  return WriteWholeFile(file, json.dump(2, ' ', false, LockJson::error_handler_t::replace) + "\n");
}

Status TraceLock::AddNew(const std::filesystem::path& file,
                         const std::map<std::string, std::string>& digests) {
  const auto folder = file.parent_path();
  const FolderLock alone = FolderLock::WaitFor(folder.empty() ? "." : folder);
  auto lock = Read(file);
  if (!lock) return tl::unexpected(lock.error());
  for (const auto& [path, digest] : digests) lock->digests_.emplace(path, digest);
  return lock->Write(file);
}

std::optional<std::string> TraceLock::DigestOf(const std::string& path) const {
  const auto found = digests_.find(path);
  if (found == digests_.end()) return std::nullopt;
  return found->second;
}

bool TraceLock::Record(const std::string& path, const std::string& digest) {
  std::string& recorded = digests_[path];
  if (recorded == digest) return false;
  recorded = digest;
  return true;
}

std::vector<std::string> TraceLock::KeepOnly(const std::vector<std::string>& paths) {
  std::vector<std::string> forgotten;
  std::erase_if(digests_, [&](const auto& one) {
    if (std::ranges::find(paths, one.first) != paths.end()) return false;
    forgotten.push_back(one.first);
    return true;
  });
  return forgotten;
}

}  // namespace vgpu
