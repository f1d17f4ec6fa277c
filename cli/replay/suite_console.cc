#include "cli/replay/suite_console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "cli/output.h"
#include "format/protocol/escape.h"
#include "replay/report/timing_text.h"

namespace vgpu::cli {

namespace {

constexpr size_t kMaxShownDifferences = 5;

void PrintResult(const TraceResult& result, bool reused) {
  Print("{}: {}", EscapeForTerminal(result.name), NameOf(result.status));
  if (reused) {
    Print(", as before");
  } else if (result.attempts != 0) {
    Print(" ({:.1f} s)", result.seconds);
  }
  Print("{}\n", result.message.empty() ? "" : ": " + EscapeForTerminal(result.message));
  if (IsGood(result.status)) return;
  for (size_t i = 0; i < std::min(result.differences.size(), kMaxShownDifferences); ++i) {
    Print("  {}\n", EscapeForTerminal(result.differences[i]));
  }
  if (!result.reproduce.empty()) Print("  $ {}\n", EscapeForTerminal(result.reproduce));
}

std::string Duration(double seconds) {
  const auto whole = static_cast<uint64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  return fmt::format("{}:{:02} min", whole / 60, whole % 60);
}

}  // namespace

SuiteConsole::SuiteConsole(bool quiet, std::map<std::string, double> costs)
    : quiet_(quiet), terminal_(!quiet && isatty(STDERR_FILENO) != 0), costs_(std::move(costs)) {
  for (const auto& [name, cost] : costs_) cost_in_all_ += cost;
}

SuiteConsole::~SuiteConsole() { ClearLine(); }

void SuiteConsole::OnStarted(const PlannedTrace& trace) { running_.insert(trace.name); }

void SuiteConsole::OnFinished(const TraceResult& result, bool reused) {
  running_.erase(result.name);
  ++done_;
  bad_ += IsGood(result.status) ? 0 : 1;
  const auto cost = costs_.find(result.name);
  if (cost != costs_.end()) (reused ? cost_reused_ : cost_done_) += cost->second;
  if (quiet_) return;
  ClearLine();
  PrintResult(result, reused);
  std::fflush(stdout);
}

void SuiteConsole::OnMeasured(const TraceResult& result) {
  if (quiet_) return;
  ClearLine();
  if (IsGood(result.status)) {
    Print("{}: {}\n", EscapeForTerminal(result.name), EscapeForTerminal(ToText(*result.timing)));
  } else {
    PrintResult(result, false);
  }
  std::fflush(stdout);
}

void SuiteConsole::OnIdle() {
  const double elapsed = std::chrono::duration<double>(Clock::now() - begin_).count();
  if (!terminal_ || elapsed < 1) return;
  std::string line = fmt::format("{} of {} traces", done_, costs_.size());
  if (bad_ != 0) line += fmt::format(", {} failed", bad_);
  if (cost_done_ > 0) {
    const double rest = cost_in_all_ - cost_done_ - cost_reused_;
    line += fmt::format(", about {} left", Duration(elapsed * rest / cost_done_));
  }
  if (!running_.empty()) line += ": " + EscapeForTerminal(*running_.begin());
  if (running_.size() > 1) line += fmt::format(" and {} more", running_.size() - 1);
  line_shown_ = true;
  PrintError("\r\033[K{}", line);
  std::fflush(stderr);
}

void SuiteConsole::ClearLine() {
  if (!line_shown_) return;
  line_shown_ = false;
  PrintError("\r\033[K");
  std::fflush(stderr);
}

void PrintSuiteSummary(const SuiteResult& result) {
  static constexpr std::array kAll = {
#define VGPU_TRACE_STATUS(NAME, text, good, summary) TraceStatus::NAME,
#include "replay/report/trace_statuses.def"
  };
  std::string counts;
  for (const TraceStatus status : kAll) {
    const auto count = std::ranges::count(result.traces, status, &TraceResult::status);
    if (count != 0) counts += fmt::format(", {} {}", count, NameOf(status));
  }
  Print("{}: {} trace{}{}, {:.1f} s\n", EscapeForTerminal(result.name), result.traces.size(),
        result.traces.size() == 1 ? "" : "s", counts, result.seconds);
  for (const TraceResult& trace : result.traces) {
    if (trace.status == TraceStatus::kFlaky) Print("flaky: {}\n", EscapeForTerminal(trace.name));
  }
}

}  // namespace vgpu::cli
