// JUnit XML, as far as Jenkins (its `junit` step, and the xunit plugin with its schema junit-10)
// and GitLab read it. docs/CI.md says what becomes of each status.
#pragma once

#include <filesystem>
#include <string>

#include "replay/report/suite_result.h"

namespace vgpu {

// Of one trace: so many frames, other differences and notes are listed, and all are counted.
inline constexpr size_t kMaxJunitFrames = 20;
// Bytes of a trace's last output; the end of it is kept.
inline constexpr size_t kMaxJunitOutput = size_t{16} << 10;

// Pictures below `folder` are named from there, as GitLab wants them: the folder of the job.
std::string ToJunit(const SuiteResult& suite, const std::filesystem::path& folder);

}  // namespace vgpu
