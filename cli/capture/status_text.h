// What is told about a recording: as JSON, as text, as one line.
#pragma once

#include <string>

#include "capture/recorder/recorder.h"

namespace vgpu::cli {

// One JSON object. Of a long list of files it has the last ones.
std::string EncodeStatus(const RecorderStatus& status);

// Text for a person, from what EncodeStatus made.
std::string StatusText(const std::string& json);

// "x.vgpu: 1200 frames, 5230 commands, 1200 checks; 41.0 MB in 3.2 MB (12.8 to 1); nothing dropped"
std::string SummaryOf(const RendererStatus& renderer);

// "340 frames, 1200 commands, 3.4 MB" over all files.
std::string ProgressOf(const RecorderStatus& status);

}  // namespace vgpu::cli
