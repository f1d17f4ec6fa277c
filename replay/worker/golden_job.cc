#include "replay/worker/golden_job.h"

#include <fmt/format.h>

namespace vgpu {

Status CompareWithGolden(const std::filesystem::path& folder, const std::string& profile,
                         ReplayJob& job) {
  auto manifest = ReadManifest(folder);
  if (!manifest) return tl::unexpected(manifest.error());
  if (!profile.empty() && manifest->Find(profile) == nullptr) {
    return MakeError(ErrorCode::kUsage, fmt::format("{}: has no profile '{}'; it has {}",
                                                    folder.string(), profile, manifest->Names()));
  }
  job.golden = std::move(*manifest);
  job.golden_folder = folder;
  job.profile = profile;
  if (job.trace_digest.empty()) job.trace_digest = DigestOfFile(job.trace).value_or("");
  return {};
}

const GoldenProfile* ProfileOf(const ReplayJob& job, const StartedEvent& started) {
  return job.golden ? job.golden->Find(started.profile) : nullptr;
}

std::string NoteOfOtherTrace(const ReplayJob& job, const StartedEvent& started) {
  const GoldenProfile* profile = ProfileOf(job, started);
  if (profile == nullptr || job.trace_digest.empty() || profile->trace_digest == job.trace_digest) {
    return "";
  }
  const bool one_of_many = job.golden->profiles.size() > 1;
  return fmt::format(
      "{}{}: was made from another trace, {} with digest {}; {} has {}", job.golden_folder.string(),
      one_of_many ? fmt::format(", profile {}", profile->name) : "", profile->trace_name,
      profile->trace_digest, job.trace.string(), job.trace_digest);
}

}  // namespace vgpu
