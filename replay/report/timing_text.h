// A measurement of a suite in words.
#pragma once

#include <string>

#include "replay/report/suite_result.h"

namespace vgpu {

// "3.4 % slower than timing.json (99 % interval: +2.5 to +4.4 %; 1.2 % could have been seen)".
std::string ToText(const TimingResult& timing);

}  // namespace vgpu
