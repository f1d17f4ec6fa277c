#include "replay/report/junit.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "replay/report/worst.h"
#include "replay/report/xml_text.h"

namespace vgpu {

namespace {

// The element of a test case that says what became of it, or nothing for a passed one. Those that
// Surefire marks flaky count as passed everywhere.
const char* ElementOf(TraceStatus status) {
  switch (status) {
    case TraceStatus::kPassed:
      return nullptr;
    case TraceStatus::kFailed:
    case TraceStatus::kUnexpectedPass:
      return "failure";
    case TraceStatus::kError:
      return "error";
    case TraceStatus::kSkipped:
    case TraceStatus::kExpectedFailure:
      return "skipped";
    case TraceStatus::kFlaky:
      return "flakyFailure";
  }
  return nullptr;
}

constexpr std::string_view kAttachment = "[[ATTACHMENT|";

// Engines fetch the file that such a mark names: one that a trace put into a text must not.
std::string WithoutMarks(std::string text) {
  for (size_t at = 0; (at = text.find(kAttachment, at)) != std::string::npos;) {
    text.replace(at, 2, "[ [");
  }
  return text;
}

std::string Attribute(const char* name, const std::string& value) {
  return fmt::format(" {}=\"{}\"", name, XmlAttribute(WithoutMarks(value)));
}

std::string SuiteName(const SuiteResult& suite) {
  return suite.name.empty() ? "vgpu-replay" : suite.name;
}

void AddLines(std::string& text, const std::string& title, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  text += title + ":\n";
  const size_t shown = std::min(lines.size(), kMaxJunitFrames);
  for (size_t i = 0; i < shown; ++i) text += "  " + lines[i] + "\n";
  if (shown < lines.size()) text += fmt::format("  and {} more\n", lines.size() - shown);
  text += "\n";
}

bool IsTrouble(const FrameResult& frame) {
  return frame.status == FrameStatus::kDifferent || frame.status == FrameStatus::kMissing;
}

std::vector<std::string> FrameLines(const TraceResult& trace) {
  std::vector<std::string> lines;
  for (const size_t i : WorstFramesFirst(trace)) {
    const FrameResult& frame = trace.frames[i];
    if (!IsTrouble(frame)) continue;
    lines.push_back(frame.message.empty()
                        ? fmt::format("frame {}: {}", frame.frame, NameOf(frame.status))
                        : frame.message);
    if (frame.tier != ComparisonTier::kNone) {
      lines.back() += fmt::format(" (decided by: {})", NameOf(frame.tier));
    }
  }
  return lines;
}

// The summary of the table where there is no message: an empty text makes engines show nothing.
std::string MessageOf(const TraceResult& trace) {
  return trace.message.empty() ? fmt::format("{}: {}", trace.name, NameOf(trace.status))
                               : trace.message;
}

std::string EnvironmentTitle(const TraceResult& trace) {
  return fmt::format("The environment is another one than that of the golden set {}{}",
                     trace.golden,
                     trace.profile.empty() ? "" : fmt::format(", profile {}", trace.profile));
}

// All of it in the text: GitLab shows that alone.
std::string TextOf(const TraceResult& trace) {
  std::string text;
  AddLines(text, EnvironmentTitle(trace), trace.environment_changes);
  text += MessageOf(trace) + "\n\n";
  AddLines(text, "Frames, the worst first", FrameLines(trace));
  AddLines(text, "Other differences", trace.differences);
  if (!trace.last_output.empty()) {
    const size_t size = std::min(trace.last_output.size(), kMaxJunitOutput);
    text += "Last output:\n" + trace.last_output.substr(trace.last_output.size() - size) + "\n\n";
  }
  if (!trace.reproduce.empty()) text += "To reproduce:\n  " + trace.reproduce + "\n";
  return text;
}

// One line for a picture: a mark, or plain text where a mark cannot hold its name.
std::string AttachmentLine(const std::string& file, const std::filesystem::path& folder) {
  std::filesystem::path path = file;
  if (path.is_absolute()) {
    const auto near = path.lexically_relative(folder);
    if (!near.empty() && *near.begin() != "..") path = near;
  }
  const std::string name = path.string();
  if (name.find_first_of("[]|\r\n") != std::string::npos) return WithoutMarks(name) + "\n";
  return fmt::format("{}{}]]\n", kAttachment, name);
}

// GitLab shows the first picture alone: that of the worst difference.
std::string OutputOf(const TraceResult& trace, const std::filesystem::path& folder) {
  std::string text;
  size_t frames = 0;
  for (const size_t i : WorstFramesFirst(trace)) {
    const FrameResult& frame = trace.frames[i];
    if (!IsTrouble(frame) || ++frames > kMaxJunitFrames) break;
    for (const std::string* file :
         {&frame.difference_file, &frame.replayed_file, &frame.expected_file}) {
      if (!file->empty()) text += AttachmentLine(*file, folder);
    }
  }
  std::string notes;
  if (trace.attempts > 1) notes += fmt::format("replayed {} times\n", trace.attempts);
  AddLines(notes, "Notes", trace.notes);
  return text + WithoutMarks(std::move(notes));
}

std::string CaseOf(const SuiteResult& suite, const TraceResult& trace,
                   const std::filesystem::path& folder) {
  std::string out =
      fmt::format("    <testcase{}{} time=\"{:.3f}\">\n", Attribute("name", trace.name),
                  Attribute("classname", SuiteName(suite)), trace.seconds);
  if (const char* element = ElementOf(trace.status)) {
    out +=
        fmt::format("      <{0}{1}{2}>{3}</{0}>\n", element,
                    Attribute("type", std::string(NameOf(trace.status))),
                    Attribute("message", MessageOf(trace)), XmlText(WithoutMarks(TextOf(trace))));
  }
  if (const std::string output = OutputOf(trace, folder); !output.empty()) {
    out += fmt::format("      <system-out>\n{}</system-out>\n", XmlText(output));
  }
  return out + "    </testcase>\n";
}

std::string PropertiesOf(const SuiteResult& suite, const TraceResult& trace) {
  std::string out = "    <properties>\n";
  const auto add = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    out += fmt::format("      <property name=\"{}\"{}/>\n", name, Attribute("value", value));
  };
  add("status", std::string(NameOf(trace.status)));
  add("digest", trace.digest);
  add("commands", std::to_string(trace.commands));
  add("frames", std::to_string(trace.frames.size()));
  add("differences", std::to_string(trace.difference_count));
  add("exit_code", std::to_string(trace.exit_code));
  add("golden", trace.golden);
  add("profile", trace.profile);
  add("gl_vendor", trace.environment.gl_vendor);
  add("gl_renderer", trace.environment.gl_renderer);
  add("gl_version", trace.environment.gl_version);
  add("renderer", trace.environment.renderer);
  add("vgpu", trace.environment.vgpu);
  if (suite.shards > 1) add("shard", fmt::format("{}/{}", suite.shard, suite.shards));
  return out + "    </properties>\n";
}

struct JunitCounts {
  size_t tests = 0, failures = 0, errors = 0, skipped = 0;
  void Add(TraceStatus status) {
    const std::string_view element = ElementOf(status) ? ElementOf(status) : "";
    ++tests;
    failures += element == "failure";
    errors += element == "error";
    skipped += element == "skipped";
  }
  std::string Attributes() const {
    return fmt::format(" tests=\"{}\" failures=\"{}\" errors=\"{}\"", tests, failures, errors);
  }
};

// A suite a trace: only there does the schema of Jenkins take its file and its properties.
std::string SuiteOf(const SuiteResult& suite, const TraceResult& trace,
                    const std::filesystem::path& folder) {
  JunitCounts counts;
  counts.Add(trace.status);
  return fmt::format(
      "  <testsuite{}{} skipped=\"{}\" time=\"{:.3f}\"{}{}>\n{}{}  </testsuite>\n",
      Attribute("name", trace.name), counts.Attributes(), counts.skipped, trace.seconds,
      suite.started.empty() ? "" : Attribute("timestamp", suite.started),
      Attribute("file", trace.trace), PropertiesOf(suite, trace), CaseOf(suite, trace, folder));
}

}  // namespace

std::string ToJunit(const SuiteResult& suite, const std::filesystem::path& folder) {
  JunitCounts counts;
  std::string suites;
  for (const TraceResult& trace : suite.traces) {
    counts.Add(trace.status);
    suites += SuiteOf(suite, trace, folder);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites{}{} time=\"{:.3f}\">\n{}"
      "</testsuites>\n",
      Attribute("name", SuiteName(suite)), counts.Attributes(), suite.seconds, suites);
}

}  // namespace vgpu
