#include "replay/report/html_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "replay/frames/png.h"
#include "replay/page/page.h"
#include "tests/replay/report/results.h"

namespace vgpu {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class HtmlReportTest : public testing::Test {
 protected:
  HtmlReportTest()
      : folder_(fs::path(testing::TempDir()) /
                (std::string("html_report.") +
                 testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~HtmlReportTest() override { fs::remove_all(folder_); }

  std::string Picture(const std::string& name) const {
    const std::string path = folder_ / name;
    EXPECT_TRUE(WritePng(path, Image{.width = 2, .height = 1, .rgba = {1, 2, 3, 4, 5, 6, 7, 8}}));
    return path;
  }

  static TraceResult Failed(const std::vector<std::string>& differences) {
    TraceResult trace = TraceWith(TraceStatus::kFailed, "why");
    for (const std::string& file : differences) {
      trace.frames.push_back(FrameWith(trace.frames.size(), FrameStatus::kDifferent, 1));
      trace.frames.back().difference_file = file;
    }
    return trace;
  }

  fs::path folder_;
};

// What lies between a mark and the end of its element.
std::string ElementOfPage(const std::string& page, const std::string& mark) {
  const size_t at = page.find(mark);
  if (at == std::string::npos) return "none";
  const size_t begin = page.find('>', at) + 1;
  return page.substr(begin, page.find("</script>", begin) - begin);
}

using Pictures = std::vector<std::pair<std::string, std::string>>;  // file, problem

nlohmann::json DataOfPage(const std::string& page) {
  return nlohmann::json::parse(ElementOfPage(page, "id=\"data\""));
}

size_t ScriptEnds(const std::string& page) {
  size_t count = 0;
  for (size_t at = 0; (at = page.find("</script", at)) != std::string::npos; ++at) ++count;
  return count;
}

TEST(Page, FillsMarksOnce) {
  EXPECT_EQ(FillPage("a{{x}}b{{y}}c", {{"{{x}}", "{{y}}"}, {"{{y}}", "{{x}}"}}), "a{{y}}b{{x}}c");
}

TEST(Page, EncodesBase64) {
  EXPECT_EQ(Base64(""), "");
  EXPECT_EQ(Base64("f"), "Zg==");
  EXPECT_EQ(Base64("fo"), "Zm8=");
  EXPECT_EQ(Base64("foo"), "Zm9v");
  EXPECT_EQ(Base64("foob"), "Zm9vYg==");
  EXPECT_EQ(Base64("\xff\xfe\xfd"), "//79");
}

TEST_F(HtmlReportTest, HostileTextEndsNoElement) {
  const std::string hostile = "</script><script>alert(1)</script><!--\x01\xff";
  TraceResult trace = TraceWith(TraceStatus::kError, hostile);
  trace.name = trace.trace = trace.last_output = trace.reproduce = hostile;
  trace.environment.gl_renderer = hostile;
  trace.frames = {FrameWith(0, FrameStatus::kDifferent, 1)};
  trace.frames[0].message = trace.frames[0].expected_file = hostile;
  SuiteResult suite = SuiteOfOne(trace);
  suite.name = hostile;
  const std::string page = HtmlReport(suite);
  EXPECT_EQ(ScriptEnds(page), ScriptEnds(HtmlReport(SuiteResult())));
  EXPECT_EQ(DataOfPage(page)["traces"][0]["name"],
            "</script><script>alert(1)</script><!--\x01\uFFFD");
}

TEST_F(HtmlReportTest, HoldsEachPictureOnce) {
  const std::string file = Picture("d.png");
  const std::string page = HtmlReport(SuiteOfOne(Failed({file, file})));
  EXPECT_EQ(DataOfPage(page)["pictures"].get<Pictures>(), (Pictures{{file, ""}}));
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(ElementOfPage(page, "id=\"picture-0\""), Base64(bytes));
  EXPECT_EQ(ElementOfPage(page, "id=\"picture-1\""), "none");
}

TEST_F(HtmlReportTest, SaysWhichPictureCannotBeShown) {
  const std::string text = folder_ / "text.png", pipe = folder_ / "pipe.png";
  std::ofstream(text) << "no picture";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const std::string none = folder_ / "none.png";
  const std::string page = HtmlReport(SuiteOfOne(Failed({none, text, pipe})));
  EXPECT_EQ(DataOfPage(page)["pictures"].get<Pictures>(),
            (Pictures{{none, "it cannot be read: No such file or directory"},
                      {text, "it is no PNG"},
                      {pipe, "it cannot be read: it is no regular file"}}));
  EXPECT_EQ(ElementOfPage(page, "id=\"picture-0\""), "none");
}

TEST_F(HtmlReportTest, TheWorstPicturesComeFirstUpToALimit) {
  const std::string good = Picture("good.png"), bad = Picture("bad.png");
  TraceResult trace = Failed({good, bad});
  trace.frames[1].differing = 100;
  const std::string page = HtmlReport(SuiteOfOne(trace), fs::file_size(bad));
  const auto data = DataOfPage(page);
  EXPECT_EQ(data["pictures"].get<Pictures>(),
            (Pictures{{bad, ""}, {good, "there is no room for it in the page"}}));
  EXPECT_EQ(data["left_out"], 1);
  EXPECT_EQ(ElementOfPage(page, "id=\"picture-1\""), "none");
}

// Half of a comparison is none.
TEST_F(HtmlReportTest, AFramesPicturesAreInThePageTogether) {
  TraceResult trace = Failed({Picture("difference.png")});
  trace.frames[0].expected_file = Picture("expected.png");
  const uint64_t one = fs::file_size(trace.frames[0].expected_file);
  EXPECT_EQ(DataOfPage(HtmlReport(SuiteOfOne(trace), 2 * one))["left_out"], 0);
  EXPECT_EQ(DataOfPage(HtmlReport(SuiteOfOne(trace), 2 * one - 1))["left_out"], 2);
}

TEST_F(HtmlReportTest, TracesComeTheWorstFirst) {
  SuiteResult suite = SuiteOfOne(TraceWith(TraceStatus::kPassed));
  suite.traces.push_back(TraceWith(TraceStatus::kError, "crashed"));
  const auto data = DataOfPage(HtmlReport(suite));
  EXPECT_EQ(data["traces"][0]["message"], "crashed");
  EXPECT_EQ(data["trace_statuses"][data["traces"][0]["status"].get<size_t>()]["text"], "error");
}

TEST_F(HtmlReportTest, AsksTheNetworkForNothing) {
  const std::string page = HtmlReport(SuiteOfOne(Failed({Picture("d.png")})));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  for (const char* way : {"http://", "https://", "src=\"", "@import", "url("}) {
    EXPECT_THAT(page, Not(HasSubstr(way)));
  }
}

}  // namespace
}  // namespace vgpu
