// A command line that can be typed again.
#include "cli/command_line.h"

#include <gtest/gtest.h>

namespace vgpu::cli {
namespace {

TEST(CommandLineTest, AWordIsQuotedWhereAShellWouldReadItOtherwise) {
  EXPECT_EQ(ShellQuoted("trace-1.vgpu"), "trace-1.vgpu");
  EXPECT_EQ(ShellQuoted("a/b,c:d=e@7-9"), "a/b,c:d=e@7-9");
  EXPECT_EQ(ShellQuoted(""), "''");
  EXPECT_EQ(ShellQuoted("my trace"), "'my trace'");
  EXPECT_EQ(ShellQuoted("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellQuoted("$(reboot)"), "'$(reboot)'");
  EXPECT_EQ(ShellQuoted("a\nb"), "'a\nb'");
  EXPECT_EQ(ShellQuoted("~/x"), "'~/x'");
}

TEST(CommandLineTest, WhatWasGivenIsThereAndNothingElse) {
  CLI::App app("", "vgpu-replay");
  CLI::App* verb = app.add_subcommand("verify");
  std::string trace, golden, report;
  std::vector<std::string> ignored;
  int tolerance = 0, repeat = 1;
  bool json = false;
  verb->add_option("TRACE", trace)->required();
  verb->add_option("--golden", golden);
  verb->add_option("--report", report);
  verb->add_option("--ignore", ignored)->allow_extra_args(false);
  verb->add_option("--tolerance", tolerance);
  verb->add_option("--repeat", repeat)->capture_default_str();
  verb->add_flag("--json", json);
  app.parse(
      R"(verify --ignore 1,2,3x4 --tolerance=2 "my trace.vgpu" --ignore 5,6,7x8 --report r.html --json)");
  EXPECT_EQ(CommandLineOf(*verb, {"--report"}),
            "vgpu-replay verify 'my trace.vgpu' --ignore 1,2,3x4 --ignore 5,6,7x8 --tolerance 2 "
            "--json");
  EXPECT_EQ(CommandLineOf(*verb, {"--report", "--json", "--ignore"}),
            "vgpu-replay verify 'my trace.vgpu' --tolerance 2");
}

}  // namespace
}  // namespace vgpu::cli
