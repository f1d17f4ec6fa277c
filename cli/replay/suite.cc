#include <memory>

#include "cli/replay/suite_options.h"
#include "cli/replay/verbs.h"
#include "replay/suite/shard.h"

namespace vgpu::cli {

namespace {

constexpr char kExitCodes[] =
    "Exit codes, the first that holds: 2 wrong usage, or the suite file is wrong; 3 the suite, a\n"
    "trace, a golden set or the baseline cannot be read, or a trace has changed; 4 a replay "
    "failed;\n"
    "1 a comparison found a difference, a trace got slower, or one passed that should not;\n"
    "77 no GL here; 0 all is as expected.";

CLI::Option* AddNumber(CLI::App& command, const char* name, uint64_t& value, uint64_t least,
                       uint64_t most, const std::string& summary) {
  return command.add_option(name, value, summary)
      ->check(UnsignedNumber())
      ->check(CLI::Range(least, most))
      ->type_name("N");
}

void AddCommon(CLI::App& command, bool& fail_on_flaky, bool& json, ResultFiles& files) {
  command.add_flag("--fail-on-flaky", fail_on_flaky,
                   "A trace that passed only when it was replayed again is a difference");
  command.add_flag("--json", json, "Print the results as one JSON object");
  AddResultFiles(command, files);
}

void AddWhatRuns(CLI::App& command, SuiteOptions& options) {
  command
      .add_option(
          "--only", options.only,
          "Only traces whose name matches this pattern (* ? []); may be given several times")
      ->type_name("PATTERN")
      ->expected(1)
      ->take_all();
  command
      .add_option("--shard", options.shard,
                  "Only part I of N, counted from 0: 0/4, 1/4, 2/4, 3/4. auto: as the environment "
                  "says of " +
                      ShardEngines())
      ->type_name("I/N");
  command
      .add_option("--times", options.times,
                  "Results of an earlier run, whose times make the shards equally long; the same "
                  "for all shards")
      ->type_name("FILE");
  command.add_flag("--list", options.list, "Say what would be replayed, and end");
}

void AddHow(CLI::App& command, SuiteOptions& options, uint64_t& retries) {
  AddNumber(command, "--jobs", options.jobs, 1, 1024,
            "Replay N traces at a time; as many as there are CPUs unless given");
  AddNumber(command, "--retries", retries, 0, 10,
            "Replay a trace that did not come out as expected N times more; in place of the "
            "suite's");
  command.add_flag("--fail-fast", options.fail_fast, "End with the first trace that fails");
  command
      .add_option("--output", options.output,
                  "Where results.json, report.html, junit.xml and pictures go; SUITE-results "
                  "unless given")
      ->type_name("DIR");
  command.add_flag("--resume", options.resume,
                   "Keep the results in the output folder of traces of which nothing has changed");
}

void AddMerge(CLI::App& command, SuiteMergeOptions& options) {
  command
      .add_option("RESULTS", options.shards,
                  "Output folders of all shards, or the results.json in them")
      ->required()
      ->type_name("DIR|FILE");
  command
      .add_option("--output", options.output,
                  "Where results.json, report.html, junit.xml and pictures go")
      ->required()
      ->type_name("DIR");
  AddCommon(command, options.fail_on_flaky, options.json, options.files);
  command.footer(kExitCodes);
}

}  // namespace

std::function<int()> AddSuite(CLI::App& command) {
  auto options = std::make_shared<SuiteOptions>();
  auto merge_options = std::make_shared<SuiteMergeOptions>();
  auto retries = std::make_shared<uint64_t>(0);
  command.add_option("SUITE", options->file,
                     "The suite: a TOML file (docs/CI.md). A file called merge is ./merge");
  AddWhatRuns(command, *options);
  AddHow(command, *options, *retries);
  command.add_flag("--locked", options->locked,
                   "Refuse traces whose digest the suite has not recorded yet");
  command.add_flag("--update-digests", options->update_digests,
                   "Record the digests of all traces, say which have changed, and end");
  AddCommon(command, options->fail_on_flaky, options->json, options->files);
  command.footer(kExitCodes);
  CLI::App* merge = command.add_subcommand("merge", "Join the results of all shards of a suite");
  AddMerge(*merge, *merge_options);
  return [=, &command] {
    if (merge->parsed()) return MergeSuite(*merge_options);
    if (options->file.empty()) return Fail(Error{ErrorCode::kUsage, "suite: SUITE is required"});
    if (command.count("--retries") != 0) options->retries = *retries;
    return RunSuite(*options);
  };
}

}  // namespace vgpu::cli
