// Requests, responses and virgl streams for people and programs.
//
// One walker over the tables calls a sink for every field; the sink makes text or JSON of it.
// Malformed input is printed as far as it goes, with an error sentence where it stops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "format/protocol/error.h"
#include "format/protocol/wire.h"

namespace vgpu {

struct PrintOptions {
  bool stream = true;           // the virgl commands inside a SUBMIT_3D
  std::size_t data_bytes = 16;  // of inline data to show; its size is always shown
  std::size_t entries = 16;     // backing entries to show; how many were left out is shown
  uint32_t answers = 0;         // of a response: the type of its command, 0 where not known
};

// Takes one printed thing, in order. Names are empty for the elements of a list.
class PrintSink {
 public:
  virtual ~PrintSink() = default;

  // A request ("command"), a response ("response"), or a virgl command inside a stream, which has
  // the dword it begins at.
  virtual void BeginRecord(std::string_view what, std::string_view name,
                           std::optional<uint32_t> dword) = 0;
  virtual void EndRecord() = 0;
  // Around the virgl commands inside the record that is open.
  virtual void BeginStream() = 0;
  virtual void EndStream() = 0;

  virtual void BeginGroup(std::string_view name) = 0;
  virtual void EndGroup() = 0;
  virtual void BeginList(std::string_view name) = 0;
  virtual void EndList() = 0;

  virtual void Unsigned(std::string_view name, uint64_t value) = 0;
  // The id of a resource: a number, unless the sink makes more of it.
  virtual void Resource(std::string_view name, uint32_t id) { Unsigned(name, id); }
  virtual void Signed(std::string_view name, int64_t value) = 0;
  virtual void Hex(std::string_view name, uint64_t value) = 0;
  virtual void Float(std::string_view name, float value) = 0;
  virtual void Double(std::string_view name, double value) = 0;
  virtual void Word(std::string_view name, std::string_view value) = 0;
  // "yes" or "no", unless the sink has a better word.
  virtual void Bool(std::string_view name, bool value) { Word(name, value ? "yes" : "no"); }
  // Text as the guest sent it: any bytes, lines, no NUL.
  virtual void Text(std::string_view name, std::string_view text) = 0;
  // The first bytes of `size`.
  virtual void Data(std::string_view name, Bytes head, uint64_t size) = 0;
  // Why the record is wrong from here on.
  virtual void Problem(std::string_view sentence) = 0;
};

void PrintRequest(Bytes request, const PrintOptions& options, PrintSink& sink);
void PrintResponse(Bytes response, const PrintOptions& options, PrintSink& sink);
// The commands of a virgl stream, each a record of its own. The error is WalkVirgl's.
Status PrintVirgl(std::span<const uint32_t> stream, const PrintOptions& options, PrintSink& sink);

// Lines: a record each, `NAME key=value ...`; virgl commands are indented and begin with `@dword`;
// text of several lines follows its record, indented.
class TextSink : public PrintSink {
 public:
  // Appends to `out`, which must outlive the sink. Each line begins with `indent` spaces.
  explicit TextSink(std::string& out, std::size_t indent = 0);

  void BeginRecord(std::string_view what, std::string_view name,
                   std::optional<uint32_t> dword) override;
  void EndRecord() override;
  void BeginStream() override;
  void EndStream() override;
  void BeginGroup(std::string_view name) override;
  void EndGroup() override;
  void BeginList(std::string_view name) override;
  void EndList() override;
  void Unsigned(std::string_view name, uint64_t value) override;
  void Signed(std::string_view name, int64_t value) override;
  void Hex(std::string_view name, uint64_t value) override;
  void Float(std::string_view name, float value) override;
  void Double(std::string_view name, double value) override;
  void Word(std::string_view name, std::string_view value) override;
  void Text(std::string_view name, std::string_view text) override;
  void Data(std::string_view name, Bytes head, uint64_t size) override;
  void Problem(std::string_view sentence) override;

 private:
  void Indent();
  void Key(std::string_view name);
  void EndLine();

  std::string& out_;
  std::size_t indent_;
  bool line_open_ = false;
  std::string blocks_;  // text of several lines, kept until the record's line ends
};

// One JSON object a record: {"command":"SUBMIT_3D",...,"stream":[{...},...]}. Text that is not
// UTF-8 has U+FFFD for each byte that is not.
class JsonSink : public PrintSink {
 public:
  // Appends to `out`, which must outlive the sink.
  explicit JsonSink(std::string& out) : out_(out) {}

  void BeginRecord(std::string_view what, std::string_view name,
                   std::optional<uint32_t> dword) override;
  void EndRecord() override;
  void BeginStream() override;
  void EndStream() override;
  void BeginGroup(std::string_view name) override;
  void EndGroup() override;
  void BeginList(std::string_view name) override;
  void EndList() override;
  void Unsigned(std::string_view name, uint64_t value) override;
  void Signed(std::string_view name, int64_t value) override;
  void Hex(std::string_view name, uint64_t value) override;
  void Float(std::string_view name, float value) override;
  void Double(std::string_view name, double value) override;
  void Word(std::string_view name, std::string_view value) override;
  void Bool(std::string_view name, bool value) override;
  void Text(std::string_view name, std::string_view text) override;
  void Data(std::string_view name, Bytes head, uint64_t size) override;
  void Problem(std::string_view sentence) override;

 private:
  void Key(std::string_view name);
  void String(std::string_view text);
  template <typename Number>
  void Real(Number value);

  std::string& out_;
  bool first_ = true;  // nothing yet in the innermost object or array
};

std::string RequestText(Bytes request, const PrintOptions& options = {});
std::string RequestJson(Bytes request, const PrintOptions& options = {});
std::string ResponseText(Bytes response, const PrintOptions& options = {});
std::string ResponseJson(Bytes response, const PrintOptions& options = {});

}  // namespace vgpu
