// A replay that is held to a golden set.
#pragma once

#include <filesystem>
#include <string>

#include "replay/worker/replay_job.h"

namespace vgpu {

// Has the job compare with the set in `folder`, and that with the profile of this name, or where it
// is empty with the one that fits the renderer best; the worker tells which (StartedEvent). Sets
// the digest of the job's trace where it is not known. kUnreadable: the set; kUsage: no such
// profile.
Status CompareWithGolden(const std::filesystem::path& folder, const std::string& profile,
                         ReplayJob& job);

// What a replay that started so is held to. Null: to nothing.
const GoldenProfile* ProfileOf(const ReplayJob& job, const StartedEvent& started);

// That the profile was made from another trace than the job's, a full sentence; empty where it was
// not, or nobody knows. What differs then says little.
std::string NoteOfOtherTrace(const ReplayJob& job, const StartedEvent& started);

}  // namespace vgpu
