// What `suite` and `suite merge` take.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/replay/result_files.h"
#include "cli/verb.h"

namespace vgpu::cli {

struct SuiteOptions {
  std::string file;
  std::string output;  // empty: SUITE-results
  std::string shard;   // empty: all
  std::string times;   // results of an earlier run; empty: none
  std::vector<std::string> only;
  uint64_t jobs = 0;  // 0: as many as there are CPUs
  std::optional<uint64_t> retries;
  bool fail_fast = false, fail_on_flaky = false, resume = false;
  bool locked = false, update_digests = false;
  bool list = false, json = false;
  ResultFiles files;
};

struct SuiteMergeOptions {
  std::vector<std::string> shards;  // files or folders of results
  std::string output;
  bool fail_on_flaky = false, json = false;
  ResultFiles files;
};

int RunSuite(const SuiteOptions& options);
int MergeSuite(const SuiteMergeOptions& options);

}  // namespace vgpu::cli
