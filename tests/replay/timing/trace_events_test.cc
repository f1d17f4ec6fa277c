#include "replay/timing/trace_events.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/replay/player_trace.h"
#include "tests/replay/timing/trace_event_rules.h"

namespace vgpu {
namespace {

using Group = TraceEvents::Group;

class TraceEventsTest : public ::testing::Test {
 protected:
  TraceEventsTest() : fd_(open(path_.c_str(), O_RDWR | O_CREAT, 0600)) {}
  ~TraceEventsTest() override { close(fd_); }
  nlohmann::json Written() const { return nlohmann::json::parse(TextOf(path_)); }

  PlayerFolder folder_;
  const std::string path_ = (folder_ / "events.json").string();
  const int fd_;
};

TEST(TraceEventRules, FindWhatIsWrong) {
  const auto broken = [](const char* text) {
    return BrokenRule(nlohmann::json::parse(text)).substr(0, 8);
  };
  EXPECT_EQ(broken(R"([{"ph":"X","name":"a","ts":1,"dur":5,"pid":1,"tid":1}])"), "");
  EXPECT_EQ(broken(R"([{"ph":"X","name":"a","ts":1,"dur":5,"pid":1}])"), "no tid: ");
  EXPECT_EQ(broken(R"([{"ph":"X","name":"a","ts":-1,"dur":5,"pid":1,"tid":1}])"), "ts: {\"du");
  EXPECT_EQ(broken(R"([{"ph":"X","name":"a","ts":3,"dur":5,"pid":1,"tid":1},
                       {"ph":"X","name":"a","ts":2,"dur":1,"pid":1,"tid":1}])"),
            "earlier ");
  EXPECT_EQ(broken(R"([{"ph":"X","name":"a","ts":3,"dur":5,"pid":1,"tid":1},
                       {"ph":"X","name":"a","ts":4,"dur":5,"pid":1,"tid":1}])"),
            "ends aft");
  EXPECT_EQ(broken(R"([{"ph":"C","name":"a","ts":3,"pid":1,"tid":1,"args":{"v":"1"}}])"),
            "a counte");
}

TEST_F(TraceEventsTest, AreNestedInMicrosecondsFromTheFirst) {
  TraceEvents events(fd_, 10);
  events.StartAt(5'000);
  events.NameTrack(Group::kReplay, 1, "track \"\xff\"\n");
  events.Write(Group::kReplay, 1, {"outer", 6'001, 9'000, "\"command\":3"},
               {{"inner", 6'500, 7'000, {}}, {"inner", 7'000, 9'000, {}}}, 3);
  events.WriteCounter("draws", 9'000, 4, 3);
  const TraceEventsReport report = events.Finish();
  EXPECT_TRUE(report.written);
  EXPECT_EQ(report.events, 4u);
  const auto json = Written();
  EXPECT_EQ(BrokenRule(json), "");
  EXPECT_EQ(json[0]["args"]["name"], "track \"\xEF\xBF\xBD\"\n");
  EXPECT_EQ(json[2]["ts"], 1.001);
  EXPECT_EQ(json[2]["dur"], 2.999);
  EXPECT_EQ(json[2]["args"]["command"], 3);
  EXPECT_EQ(json.back()["args"]["value"], 4);
}

TEST_F(TraceEventsTest, EndWholeAtTheLimitAndSayWhere) {
  TraceEvents events(fd_, 3);
  const TraceEvents::Span span{"a", 10, 20, {}};
  events.Write(Group::kReplay, 1, span, {span}, 7);
  events.Write(Group::kReplay, 1, span, {span}, 8);
  events.Write(Group::kReplay, 1, span, {}, 9);
  const TraceEventsReport report = events.Finish();
  EXPECT_EQ(report.events, 2u);
  EXPECT_EQ(report.left_out, 3u);
  EXPECT_EQ(report.first_left_out, 8u);
  EXPECT_EQ(Written().size(), 2u);
}

TEST_F(TraceEventsTest, AreAnArrayWithoutAnEventToo) {
  EXPECT_TRUE(TraceEvents(fd_, 3).Finish().written);
  EXPECT_EQ(Written(), nlohmann::json::array());
}

TEST(TraceEvents, SayWhyTheyCannotBeWritten) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  TraceEvents events(full, 3);
  events.Write(Group::kReplay, 1, {"a", 10, 20, {}}, {}, 1);
  const TraceEventsReport report = events.Finish();
  EXPECT_FALSE(report.written);
  EXPECT_EQ(report.failure, "No space left on device");
  close(full);
}

TEST(TraceEvents, ThatNobodyWantsAreNotWritten) {
  TraceEvents events(-1, 3);
  events.Write(Group::kReplay, 1, {"a", 10, 20, {}}, {}, 1);
  EXPECT_FALSE(events.Finish().written);
}

}  // namespace
}  // namespace vgpu
