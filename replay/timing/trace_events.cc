#include "replay/timing/trace_events.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace vgpu {

namespace {

constexpr size_t kEventBuffer = 1 << 16;

std::string QuotedText(std::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// The format counts microseconds.
std::string Microseconds(uint64_t ns) { return fmt::format("{}.{:03}", ns / 1000, ns % 1000); }

}  // namespace

TraceEvents::TraceEvents(int fd, uint64_t max_events) : fd_(fd), max_events_(max_events) {}

TraceEvents::~TraceEvents() { Flush(); }

void TraceEvents::NameGroup(Group group, std::string_view name) {
  Line(fmt::format(
      R"({{"ph":"M","name":"process_name","ts":0,"pid":{},"tid":0,"args":{{"name":{}}}}})",
      static_cast<uint32_t>(group), QuotedText(name)));
}

void TraceEvents::NameTrack(Group group, uint32_t track, std::string_view name) {
  Line(fmt::format(
      R"({{"ph":"M","name":"thread_name","ts":0,"pid":{},"tid":{},"args":{{"name":{}}}}})",
      static_cast<uint32_t>(group), track, QuotedText(name)));
  Line(fmt::format(
      R"({{"ph":"M","name":"thread_sort_index","ts":0,"pid":{},"tid":{},"args":{{"sort_index":{}}}}})",
      static_cast<uint32_t>(group), track, track));
}

void TraceEvents::Write(Group group, uint32_t track, const Span& outer,
                        const std::vector<Span>& inner, uint64_t command) {
  if (!Take(1 + inner.size(), command)) return;
  Append(group, track, outer);
  for (const Span& span : inner) Append(group, track, span);
}

void TraceEvents::WriteCounter(std::string_view name, uint64_t time_ns, uint64_t value,
                               uint64_t command) {
  if (!Take(1, command)) return;
  // Chrome's viewer shows the category before the name.
  Line(fmt::format(
      R"({{"ph":"C","cat":"frame","name":"{}","ts":{},"pid":1,"tid":0,"args":{{"value":{}}}}})",
      name, Microseconds(time_ns - std::min(time_ns, zero_ns_)), value));
}

bool TraceEvents::Take(uint64_t events, uint64_t command) {
  if (!IsOn()) return false;
  // Once there was no room for one, the smaller ones after it would mislead.
  if (report_.left_out == 0 && events <= max_events_ - report_.events) {
    report_.events += events;
    return true;
  }
  if (report_.left_out == 0) report_.first_left_out = command;
  report_.left_out += events;
  return false;
}

void TraceEvents::Append(Group group, uint32_t track, const Span& span) {
  const uint64_t begin = span.begin_ns - std::min(span.begin_ns, zero_ns_);
  Line(fmt::format(R"({{"ph":"X","name":"{}","ts":{},"dur":{},"pid":{},"tid":{},"args":{{{}}}}})",
                   span.name, Microseconds(begin),
                   Microseconds(span.end_ns - std::min(span.end_ns, span.begin_ns)),
                   static_cast<uint32_t>(group), track, span.args));
}

void TraceEvents::Line(std::string_view text) {
  if (!IsOn()) return;
  buffer_ += begun_ ? ",\n" : "[\n";
  begun_ = true;
  buffer_ += text;
  if (buffer_.size() >= kEventBuffer) Flush();
}

void TraceEvents::Flush() {
  std::string_view rest = buffer_;
  while (IsOn() && !rest.empty()) {
    const ssize_t written = write(fd_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      report_.failure = std::strerror(errno);
    }
  }
  buffer_.clear();
}

TraceEventsReport TraceEvents::Finish() {
  if (fd_ < 0) return report_;
  buffer_ += begun_ ? "\n]\n" : "[]\n";
  begun_ = true;
  Flush();
  report_.written = report_.failure.empty();
  return report_;
}

}  // namespace vgpu
