#include <fmt/format.h>

#include <iterator>

#include "format/protocol/escape.h"
#include "format/protocol/print.h"

namespace vgpu {

namespace {

constexpr std::size_t kStreamIndent = 2;
constexpr std::size_t kBlockIndent = 6;

// Escaped but for the `special` characters, which stand as they are behind `prefix`.
void AppendEscaped(std::string& out, std::string_view text, std::string_view special,
                   std::string_view prefix) {
  while (true) {
    const std::size_t at = text.find_first_of(special);
    out += EscapeForTerminal(text.substr(0, at));
    if (at == text.npos) return;
    out += prefix;
    out += text[at];
    text.remove_prefix(at + 1);
  }
}

}  // namespace

TextSink::TextSink(std::string& out, std::size_t indent) : out_(out), indent_(indent) {}

void TextSink::Indent() { out_.append(indent_, ' '); }

void TextSink::Key(std::string_view name) {
  if (out_.back() != '[' && out_.back() != '{') out_ += ' ';
  if (!name.empty()) fmt::format_to(std::back_inserter(out_), "{}=", name);
}

void TextSink::EndLine() {
  if (!line_open_) return;
  out_ += '\n';
  out_ += blocks_;
  blocks_.clear();
  line_open_ = false;
}

void TextSink::BeginRecord(std::string_view what, std::string_view name,
                           std::optional<uint32_t> dword) {
  Indent();
  if (dword) fmt::format_to(std::back_inserter(out_), "@{} ", *dword);
  if (what == "response") out_ += "-> ";
  out_ += name;
  line_open_ = true;
}

void TextSink::EndRecord() { EndLine(); }

void TextSink::BeginStream() {
  EndLine();
  indent_ += kStreamIndent;
}

void TextSink::EndStream() { indent_ -= kStreamIndent; }

void TextSink::BeginGroup(std::string_view name) {
  Key(name);
  out_ += '{';
}

void TextSink::EndGroup() { out_ += '}'; }

void TextSink::BeginList(std::string_view name) {
  Key(name);
  out_ += '[';
}

void TextSink::EndList() { out_ += ']'; }

void TextSink::Unsigned(std::string_view name, uint64_t value) {
  Key(name);
  fmt::format_to(std::back_inserter(out_), "{}", value);
}

void TextSink::Signed(std::string_view name, int64_t value) {
  Key(name);
  fmt::format_to(std::back_inserter(out_), "{}", value);
}

void TextSink::Hex(std::string_view name, uint64_t value) {
  Key(name);
  fmt::format_to(std::back_inserter(out_), "{:#x}", value);
}

void TextSink::Float(std::string_view name, float value) {
  Key(name);
  fmt::format_to(std::back_inserter(out_), "{}", value);
}

void TextSink::Double(std::string_view name, double value) {
  Key(name);
  fmt::format_to(std::back_inserter(out_), "{}", value);
}

void TextSink::Word(std::string_view name, std::string_view value) {
  Key(name);
  out_ += value;
}

void TextSink::Text(std::string_view name, std::string_view text) {
  Key(name);
  if (text.find('\n') == std::string_view::npos) {
    out_ += '"';
    AppendEscaped(out_, text, "\"\\", "\\");
    out_ += '"';
    return;
  }
  fmt::format_to(std::back_inserter(out_), "<{} bytes>", text.size());
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) blocks_.append(indent_ + kBlockIndent, ' ');
    AppendEscaped(blocks_, text.substr(0, end), "\t", "");
    blocks_ += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void TextSink::Data(std::string_view name, Bytes head, uint64_t size) {
  Key(name);
  fmt::format_to(std::back_inserter(out_), "<{} bytes", size);
  if (!head.empty()) out_ += ':';
  for (const std::byte byte : head) {
    fmt::format_to(std::back_inserter(out_), " {:02x}", std::to_integer<unsigned>(byte));
  }
  if (!head.empty() && head.size() < size) out_ += " ...";
  out_ += '>';
}

void TextSink::Problem(std::string_view sentence) {
  EndLine();
  Indent();
  fmt::format_to(std::back_inserter(out_), "  ! {}\n", sentence);
}

}  // namespace vgpu
