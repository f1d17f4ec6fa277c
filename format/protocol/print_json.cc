#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "format/protocol/escape.h"
#include "format/protocol/print.h"

namespace vgpu {

void JsonSink::Key(std::string_view name) {
  if (!first_) out_ += ',';
  first_ = false;
  if (name.empty()) return;
  String(name);
  out_ += ':';
}

void JsonSink::String(std::string_view text) {
  out_ += '"';
  for (const char c : ReplaceInvalidUtf8(text)) {
    if (c == '"' || c == '\\') {
      out_ += {'\\', c};
    } else if (c == '\n') {
      out_ += "\\n";
    } else if (c == '\t') {
      out_ += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out_), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out_ += c;
    }
  }
  out_ += '"';
}

// JSON has no word for what is not a finite number.
template <typename Number>
void JsonSink::Real(Number value) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(out_), "{}", value);
  } else {
    String(fmt::format("{}", value));
  }
}

void JsonSink::BeginRecord(std::string_view what, std::string_view name,
                           std::optional<uint32_t> dword) {
  Key({});
  out_ += '{';
  first_ = true;
  if (dword) Unsigned("dword", *dword);
  Word(what, name);
}

void JsonSink::EndRecord() { EndGroup(); }

void JsonSink::BeginStream() { BeginList("stream"); }

void JsonSink::EndStream() { EndList(); }

void JsonSink::BeginGroup(std::string_view name) {
  Key(name);
  out_ += '{';
  first_ = true;
}

void JsonSink::EndGroup() {
  out_ += '}';
  first_ = false;
}

void JsonSink::BeginList(std::string_view name) {
  Key(name);
  out_ += '[';
  first_ = true;
}

void JsonSink::EndList() {
  out_ += ']';
  first_ = false;
}

void JsonSink::Unsigned(std::string_view name, uint64_t value) {
  Key(name);
  fmt::format_to(std::back_inserter(out_), "{}", value);
}

void JsonSink::Signed(std::string_view name, int64_t value) {
  Key(name);
  fmt::format_to(std::back_inserter(out_), "{}", value);
}

void JsonSink::Hex(std::string_view name, uint64_t value) { Unsigned(name, value); }

void JsonSink::Float(std::string_view name, float value) {
  Key(name);
  Real(value);
}

void JsonSink::Double(std::string_view name, double value) {
  Key(name);
  Real(value);
}

void JsonSink::Word(std::string_view name, std::string_view value) { Text(name, value); }

void JsonSink::Bool(std::string_view name, bool value) {
  Key(name);
  out_ += value ? "true" : "false";
}

void JsonSink::Text(std::string_view name, std::string_view text) {
  Key(name);
  String(text);
}

void JsonSink::Data(std::string_view name, Bytes head, uint64_t size) {
  BeginGroup(name);
  Unsigned("bytes", size);
  Key("head");
  out_ += '"';
  for (const std::byte byte : head) {
    fmt::format_to(std::back_inserter(out_), "{:02x}", std::to_integer<unsigned>(byte));
  }
  out_ += '"';
  EndGroup();
}

void JsonSink::Problem(std::string_view sentence) { Text("problem", sentence); }

}  // namespace vgpu
