#include "replay/report/junit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replay/report/xml_text.h"
#include "tests/replay/report/results.h"

namespace vgpu {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string JunitOf(TraceResult trace) { return ToJunit(SuiteOfOne(std::move(trace)), "/ci/job"); }

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

TEST(XmlText, EscapesMarkup) {
  EXPECT_EQ(XmlText("a<b>&\"c\"\n\t"), "a&lt;b&gt;&amp;&quot;c&quot;\n\t");
  EXPECT_EQ(XmlAttribute("a\nb\tc\r"), "a&#10;b&#9;c&#13;");
  EXPECT_EQ(XmlText("]]>"), "]]&gt;");
}

TEST(XmlText, ReplacesWhatXmlForbids) {
  EXPECT_EQ(XmlText(std::string("a\0b", 3)), "a\uFFFDb");
  EXPECT_EQ(XmlText("\x1b[31m"), "\uFFFD[31m");
  EXPECT_EQ(XmlText("\xff\xc3(\xed\xa0\x80"), "\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(XmlText("\uFFFE\uFFFF"), "\uFFFD\uFFFD");
  EXPECT_EQ(XmlText("\u00e9\U0001F600\x7f"), "\u00e9\U0001F600\x7f");
}

TEST(Junit, APassedTraceHasNothingInIt) {
  EXPECT_THAT(JunitOf(TraceWith(TraceStatus::kPassed)),
              HasSubstr("<testcase name=\"kmscube\" classname=\"samples\" time=\"1.500\">\n"
                        "    </testcase>\n"));
}

TEST(Junit, EachStatusHasItsElement) {
  const auto element = [](TraceStatus status) { return JunitOf(TraceWith(status, "why")); };
  EXPECT_THAT(element(TraceStatus::kFailed),
              HasSubstr("<failure type=\"failed\" message=\"why\">"));
  EXPECT_THAT(element(TraceStatus::kUnexpectedPass),
              HasSubstr("<failure type=\"unexpected pass\" message=\"why\">"));
  EXPECT_THAT(element(TraceStatus::kError), HasSubstr("<error type=\"error\" message=\"why\">"));
  EXPECT_THAT(element(TraceStatus::kSkipped),
              HasSubstr("<skipped type=\"skipped\" message=\"why\">"));
  EXPECT_THAT(element(TraceStatus::kExpectedFailure),
              HasSubstr("<skipped type=\"expected failure\" message=\"why\">"));
  EXPECT_THAT(element(TraceStatus::kFlaky),
              HasSubstr("<flakyFailure type=\"flaky\" message=\"why\">"));
}

TEST(Junit, CountsByElement) {
  SuiteResult suite;
  for (const TraceStatus status :
       {TraceStatus::kPassed, TraceStatus::kFailed, TraceStatus::kError, TraceStatus::kSkipped,
        TraceStatus::kExpectedFailure, TraceStatus::kUnexpectedPass, TraceStatus::kFlaky}) {
    suite.traces.push_back(TraceWith(status));
  }
  const std::string xml = ToJunit(suite, "");
  EXPECT_THAT(
      xml, HasSubstr("<testsuites name=\"vgpu-replay\" tests=\"7\" failures=\"2\" errors=\"1\""));
  EXPECT_EQ(CountOf(xml, "<failure"), 2u);
  EXPECT_EQ(CountOf(xml, "<error"), 1u);
  EXPECT_EQ(CountOf(xml, "<skipped"), 2u);
  EXPECT_EQ(CountOf(xml, " skipped=\"1\""), 2u);
}

// GitLab shows the text alone, and nothing where that is empty.
TEST(Junit, SaysAllInTheTextTheEnvironmentFirst) {
  TraceResult trace = TraceWith(TraceStatus::kFailed, "1 of 2 frames differs");
  trace.environment_changes = {"Mesa: '22', here '25'"};
  trace.frames = {FrameWith(3, FrameStatus::kDifferent, 5)};
  trace.frames[0].message = "frame 3: differs in 5 of 1000 pixels";
  trace.differences = {"command 4: another response"};
  trace.reproduce = "vgpu-replay verify 'a b.vgpu'";
  const std::string xml = JunitOf(trace);
  size_t at = xml.find("<failure");
  for (const char* part :
       {"Mesa: '22', here '25'", "1 of 2 frames differs",
        "frame 3: differs in 5 of 1000 pixels (decided by: pixels)", "command 4: another response",
        "vgpu-replay verify 'a b.vgpu'", "</failure>"}) {
    at = xml.find(part, at);
    ASSERT_NE(at, std::string::npos) << part << "\n" << xml;
  }
  EXPECT_THAT(JunitOf(TraceWith(TraceStatus::kFailed)), HasSubstr(">kmscube: failed\n"));
}

TEST(Junit, ListsTheWorstFramesAndCountsTheOthers) {
  TraceResult trace = TraceWith(TraceStatus::kFailed, "many");
  for (uint64_t i = 0; i < 1000; ++i) {
    trace.frames.push_back(FrameWith(i, FrameStatus::kDifferent, i));
    trace.frames.back().difference_file = "d/" + std::to_string(i) + ".png";
  }
  const std::string xml = JunitOf(trace);
  EXPECT_THAT(xml, HasSubstr("frame 999: different"));
  EXPECT_THAT(xml, Not(HasSubstr("frame 979: different")));
  EXPECT_THAT(xml, HasSubstr("and 980 more"));
  EXPECT_EQ(CountOf(xml, "[[ATTACHMENT|"), kMaxJunitFrames);
}

TEST(Junit, KeepsTheEndOfALongOutput) {
  TraceResult trace = TraceWith(TraceStatus::kError, "crashed");
  trace.last_output = std::string(1 << 20, 'x') + "the end";
  const std::string xml = JunitOf(trace);
  EXPECT_LT(xml.size(), 2 * kMaxJunitOutput);
  EXPECT_THAT(xml, HasSubstr("xthe end"));
}

TEST(Junit, NamesPicturesFromTheJobsFolder) {
  TraceResult trace = TraceWith(TraceStatus::kFailed, "why");
  trace.frames = {FrameWith(3, FrameStatus::kDifferent, 5)};
  trace.frames[0].difference_file = "/ci/job/out/d.png";
  trace.frames[0].replayed_file = "/elsewhere/r.png";
  trace.frames[0].expected_file = "out/e.png";
  EXPECT_THAT(JunitOf(trace),
              HasSubstr("[[ATTACHMENT|out/d.png]]\n[[ATTACHMENT|/elsewhere/r.png]]\n"
                        "[[ATTACHMENT|out/e.png]]\n"));
}

// An engine fetches what such a mark names: a trace must not choose it.
TEST(Junit, ATraceMakesNoMarksForPictures) {
  const std::string mark = "[[ATTACHMENT|/etc/passwd]]";
  TraceResult trace = TraceWith(TraceStatus::kFailed, mark);
  trace.name = mark;
  trace.notes = {mark, "[[[ATTACHMENT|/etc/passwd]]"};
  trace.last_output = mark;
  trace.frames = {FrameWith(3, FrameStatus::kDifferent, 5)};
  trace.frames[0].message = mark;
  trace.frames[0].difference_file = "a]]\n" + mark;
  EXPECT_THAT(JunitOf(trace), Not(HasSubstr("[[ATTACHMENT|")));
}

TEST(Junit, HostileTextStaysText) {
  TraceResult trace = TraceWith(TraceStatus::kError, "</error></testcase>\x01\xff");
  trace.name = "\"><x y=\"";
  const std::string xml = JunitOf(trace);
  EXPECT_THAT(xml, HasSubstr("name=\"&quot;&gt;&lt;x y=&quot;\""));
  EXPECT_THAT(xml, HasSubstr("&lt;/error&gt;&lt;/testcase&gt;\uFFFD\uFFFD"));
  EXPECT_EQ(CountOf(xml, "</error>"), 1u);
}

}  // namespace
}  // namespace vgpu
