// --report and --junit: the files in which a verb leaves its results for people and for CI engines.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "format/protocol/error.h"
#include "replay/report/suite_result.h"

namespace vgpu::cli {

struct ResultFiles {
  std::string report;  // a page of HTML; empty: none
  std::string junit;   // empty: none
  bool Any() const { return !report.empty() || !junit.empty(); }
};

// Adds both options.
void AddResultFiles(CLI::App& command, ResultFiles& files);

// Whether the files' folders are there, for before the work. kUsage with the system's reason.
Status CheckResultFiles(const ResultFiles& files);

// Whether a file can be made or written there. kUsage: its folder is not there or
// takes no files, or it is a folder.
Status CheckPlaceOf(const std::string& file);

// Writes those that were asked for. A file is replaced as a whole; what is none itself (a link, a
// pipe, /dev/stdout) is written into. kFailed with the system's reason; the others are written still.
Status WriteResultFiles(const SuiteResult& result, const ResultFiles& files);

// As SuiteResult::started: "2026-11-27T12:00:00Z".
std::string UtcNow();

}  // namespace vgpu::cli
