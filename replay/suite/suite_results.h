// The results of a suite in its output folder, and those of shards joined.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "replay/report/suite_result.h"
#include "replay/suite/suite_plan.h"

namespace vgpu {

// FOLDER/results.json.
std::filesystem::path ResultsFileOf(const std::filesystem::path& folder);

// Whole or as it was. The file names pictures as seen from its folder, so that the folder can be
// moved; results in memory name them as seen from here.
Status WriteResults(const SuiteResult& result, const std::filesystem::path& folder);
// `place`: the file, or its folder. kUnreadable with what is wrong.
Result<SuiteResult> ReadResults(const std::filesystem::path& place);

// How long each trace took, by its name; those that were not replayed are not in it.
std::map<std::string, double> TimesOf(const SuiteResult& result);

// The earlier result of a trace, where nothing changed that it depends on: `digest` of its content,
// its settings, and what it is replayed with. Nothing otherwise.
std::optional<TraceResult> StillValid(const SuiteResult& earlier, const PlannedTrace& trace,
                                      const std::string& digest,
                                      const GoldenEnvironment& environment);

// Results of a shard, and how sentences call them.
struct ShardResults {
  std::string from;
  SuiteResult result;
};

// All shards of one run as one result, its traces by name. kUsage: another suite's, a shard that is
// there twice or is missing, or that did not come to its end; a trace that is there twice.
Result<SuiteResult> JoinShards(const std::vector<ShardResults>& shards);

// Copies the pictures that the result names from `from` to `to`, where the result names them then.
// One that cannot be copied costs a note; those outside of `from` stay where they are.
void CopyPictures(const std::filesystem::path& from, const std::filesystem::path& to,
                  SuiteResult& result);

}  // namespace vgpu
