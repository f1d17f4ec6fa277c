// A command line is a table of verbs, one file each.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "format/protocol/error.h"

namespace vgpu::cli {

// DESIGN.md section 4.
inline constexpr int kExitSuccess = 0;
inline constexpr int kExitDifference = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnreadable = 3;
inline constexpr int kExitFailed = 4;
inline constexpr int kExitUnavailable = 77;

int ExitCodeOf(ErrorCode code);

// Prints "PROGRAM: message" to stderr and returns the error's exit code.
int Fail(const Error& error);

inline tl::unexpected<Error> UsageError(std::string message) {
  return MakeError(ErrorCode::kUsage, std::move(message));
}

struct Verb {
  const char* name;
  const char* summary;  // one line, for the program's --help
  // Adds the verb's options to its subcommand. The returned function runs it after parsing, and
  // returns the exit code. Options live in an object that the function owns.
  std::function<int()> (*add)(CLI::App& command);
};

struct Program {
  const char* name;  // "vgpu-replay"
  const char* summary;
  std::span<const Verb> verbs;
};

// Parses and runs; every wrong usage is one sentence on stderr and kExitUsage, and output that does
// not arrive (a full disk) is one and kExitFailed.
int RunProgram(const Program& program, int argc, char** argv);

// The programs' tables, for main and for what is generated from them (man pages, completion).
const Program& CaptureProgram();
const Program& ReplayProgram();

// Parses "A-B", "A" or "A-" (inclusive, from 0). kUsage with a sentence for anything else.
struct NumberRange {
  uint64_t first = 0;
  uint64_t last = UINT64_MAX;
};
Result<NumberRange> ParseRange(const std::string& option, const std::string& text);

// For options that hold an unsigned number: refuses a sign, and what is no whole decimal number of
// 64 bits. CLI11 alone takes -1 as the largest number.
CLI::Validator UnsignedNumber();

// Parses "512", "64K", "256M", "2G" (powers of 1024).
Result<uint64_t> ParseSize(const std::string& option, const std::string& text);

}  // namespace vgpu::cli
