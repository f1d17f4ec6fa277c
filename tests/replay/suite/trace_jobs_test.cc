#include "replay/suite/trace_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <functional>
#include <map>

#include "tests/replay/suite/suite_support.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class JobsListener : public TraceJobsListener {
 public:
  std::vector<std::string> started;
  std::map<std::string, TraceResult> finished;
  uint64_t at_once = 0, most_at_once = 0;
  std::function<void()> on_started;

  void OnStarted(const PlannedTrace& trace) override {
    started.push_back(trace.name);
    most_at_once = std::max(most_at_once, ++at_once);
    if (on_started) on_started();
  }
  void OnFinished(const PlannedTrace& trace, TraceResult result) override {
    --at_once;
    finished[trace.name] = std::move(result);
  }
  void OnIdle() override {}
};

class TraceJobsTest : public ::testing::Test {
 protected:
  TraceJobsEnd Run(size_t count, const TraceReplay& replay, TraceJobsOptions options = {}) {
    std::vector<PlannedTrace> traces;
    for (size_t i = 0; i < count; ++i) traces.push_back(TraceNamed(std::string(1, 'a' + i)));
    const auto end = RunTraceJobs(traces, replay, options, listener);
    EXPECT_TRUE(end) << (end ? "" : end.error().message);
    return end.value_or(TraceJobsEnd{});
  }
  static TraceResult Passed(const PlannedTrace& trace) {
    return ResultNamed(trace.name, TraceStatus::kPassed);
  }
  [[noreturn]] static void WaitForEver() {
    while (true) pause();
  }
  JobsListener listener;
};

TEST_F(TraceJobsTest, EachTraceHasAProcessOfItsOwn) {
  const TraceJobsEnd end = Run(5, [](const PlannedTrace& trace) {
    TraceResult result = Passed(trace);
    result.commands = static_cast<uint64_t>(getpid());
    return result;
  });
  EXPECT_EQ(end.not_replayed, 0u);
  std::set<uint64_t> pids = {static_cast<uint64_t>(getpid())};
  for (const auto& [name, result] : listener.finished) pids.insert(result.commands);
  EXPECT_THAT(pids, SizeIs(6));
  EXPECT_THAT(listener.started, ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(listener.most_at_once, 1u);
}

TEST_F(TraceJobsTest, AtMostSoManyRunAtOnce) {
  Run(7, Passed, {.jobs = 3});
  EXPECT_THAT(listener.finished, SizeIs(7));
  EXPECT_LE(listener.most_at_once, 3u);
}

TEST_F(TraceJobsTest, ALargeResultArrivesWhole) {
  Run(1, [](const PlannedTrace& trace) {
    TraceResult result = Passed(trace);
    result.notes.assign(1000, std::string(1000, 'x'));
    return result;
  });
  EXPECT_THAT(listener.finished["a"].notes, SizeIs(1000));
}

TEST_F(TraceJobsTest, AProcessThatDiesCostsItsTraceAndNoOther) {
  Run(3,
      [](const PlannedTrace& trace) {
        if (trace.name == "a") raise(SIGKILL);
        if (trace.name == "b") _exit(0);
        return Passed(trace);
      },
      {.jobs = 3});
  EXPECT_EQ(listener.finished["a"].status, TraceStatus::kError);
  EXPECT_THAT(listener.finished["a"].message, HasSubstr("died of SIGKILL"));
  EXPECT_THAT(listener.finished["b"].message, HasSubstr("without a result"));
  EXPECT_EQ(listener.finished["c"].status, TraceStatus::kPassed);
}

TEST_F(TraceJobsTest, AnExceptionIsAResult) {
  Run(1, [](const PlannedTrace&) -> TraceResult { throw std::runtime_error("no more memory"); });
  EXPECT_EQ(listener.finished["a"].message, "no more memory");
  EXPECT_EQ(listener.finished["a"].exit_code, 4);
}

TEST_F(TraceJobsTest, AnInterruptEndsWhatRunsAndKeepsWhatIsDone) {
  listener.on_started = [this] {
    if (listener.started.back() == "b") raise(SIGINT);
  };
  const TraceJobsEnd end = Run(4, [](const PlannedTrace& trace) {
    if (trace.name == "b") WaitForEver();
    return Passed(trace);
  });
  EXPECT_EQ(end.interrupted_by, SIGINT);
  EXPECT_EQ(end.not_replayed, 3u);
  EXPECT_THAT(listener.started, ElementsAre("a", "b"));
  EXPECT_THAT(listener.finished, ElementsAre(::testing::Key("a")));
}

TEST_F(TraceJobsTest, TheFirstFailureEndsTheOthersWhereThatIsAskedFor) {
  const TraceReplay replay = [](const PlannedTrace& trace) {
    if (trace.name == "a") WaitForEver();
    return ResultNamed(trace.name, TraceStatus::kFailed, 1);
  };
  const TraceJobsEnd end = Run(4, replay, {.jobs = 2, .fail_fast = true});
  EXPECT_EQ(end.interrupted_by, 0);
  EXPECT_EQ(end.not_replayed, 3u);
  EXPECT_THAT(listener.finished, ElementsAre(::testing::Key("b")));
}

}  // namespace
}  // namespace vgpu
