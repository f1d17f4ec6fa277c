#include <fmt/format.h>

#include "cli/output.h"
#include "cli/replay/suite_console.h"
#include "cli/replay/suite_options.h"
#include "cli/replay/suite_output.h"
#include "format/protocol/escape.h"
#include "replay/suite/suite_results.h"
#include "replay/suite/trace_verdict.h"

namespace vgpu::cli {

namespace {

namespace fs = std::filesystem;

fs::path FolderOfShard(const std::string& place) {
  std::error_code error;
  if (fs::is_directory(place, error)) return place;
  const fs::path folder = fs::path(place).parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

Status CheckPlaces(const SuiteMergeOptions& options) {
  for (const std::string& place : options.shards) {
    std::error_code error;
    if (fs::equivalent(FolderOfShard(place), options.output, error)) {
      return UsageError(fmt::format("--output {}: {} is there, which would be written over",
                                    options.output, place));
    }
  }
  return CheckResultFiles(options.files);
}

Result<std::vector<ShardResults>> ReadShards(const SuiteMergeOptions& options) {
  std::vector<ShardResults> shards;
  for (const std::string& place : options.shards) {
    auto result = ReadResults(place);
    if (!result) return tl::unexpected(result.error());
    shards.push_back({place, std::move(*result)});
  }
  return shards;
}

}  // namespace

int MergeSuite(const SuiteMergeOptions& options) {
  if (const auto status = CheckPlaces(options); !status) return Fail(status.error());
  const auto output = SuiteOutput::Make(options.output);
  if (!output) return Fail(output.error());
  const ResultFiles files = FilesIn(options.output, options.files);
  // What shards came to that do not fit together is not what others came to before.
  for (const Status& removed :
       {RemoveEarlierFile(ResultsFileOf(options.output)), RemoveEarlierFiles(files)}) {
    if (!removed) return Fail(removed.error());
  }
  RemoveEarlierPictures(options.output, {});
  auto shards = ReadShards(options);
  if (!shards) return Fail(shards.error());
  // Before anything is written: what does not fit together leaves nothing.
  if (const auto joined = JoinShards(*shards); !joined) return Fail(joined.error());
  for (ShardResults& shard : *shards) {
    CopyPictures(FolderOfShard(shard.from), options.output, shard.result);
  }
  const auto joined = JoinShards(*shards);
  if (!joined) return Fail(joined.error());
  const Status results = WriteResults(*joined, options.output);
  const Status written = WriteResultFiles(*joined, files);
  if (options.json) {
    Print("{}", ToJson(*joined));
  } else {
    for (const TraceResult& trace : joined->traces) {
      if (IsGood(trace.status)) continue;
      Print("{}: {}: {}\n", EscapeForTerminal(trace.name), NameOf(trace.status),
            EscapeForTerminal(trace.message));
    }
    PrintSuiteSummary(*joined);
    Print("results: {}\n", EscapeForTerminal(options.output));
  }
  for (const Status* status : {&results, &written}) {
    if (!*status) return Fail(status->error());
  }
  return vgpu::ExitCodeOf(*joined, options.fail_on_flaky);
}

}  // namespace vgpu::cli
