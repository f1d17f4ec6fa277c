// A page of HTML that shows results with their pictures. It needs nothing beside itself, and no
// network.
#pragma once

#include <cstdint>
#include <string>

#include "replay/report/suite_result.h"

namespace vgpu {

// Bytes of PNG files in a page, which grows by 4/3 of them: a browser holds them all in memory. The
// page shows what else it has before it has read them.
inline constexpr uint64_t kMaxPagePictureBytes = uint64_t{64} << 20;

// Reads the pictures that the frames name, the worst first; what is not there, or is more than
// `max_picture_bytes`, is said in the page.
std::string HtmlReport(const SuiteResult& suite, uint64_t max_picture_bytes = kMaxPagePictureBytes);

}  // namespace vgpu
