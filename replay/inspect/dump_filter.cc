#include <fnmatch.h>

#include <algorithm>

#include "format/protocol/decode.h"
#include "format/protocol/virgl.h"
#include "replay/inspect/dump.h"

namespace vgpu {

namespace {

Bytes BytesOf(const std::string& text) { return std::as_bytes(std::span(text)); }

// Takes nothing but the resources that a record names.
class ResourceFinder : public PrintSink {
 public:
  explicit ResourceFinder(uint32_t resource) : resource_(resource) {}
  bool found() const { return found_; }

  void Resource(std::string_view, uint32_t id) override { found_ |= id == resource_; }
  void BeginRecord(std::string_view, std::string_view, std::optional<uint32_t>) override {}
  void EndRecord() override {}
  void BeginStream() override {}
  void EndStream() override {}
  void BeginGroup(std::string_view) override {}
  void EndGroup() override {}
  void BeginList(std::string_view) override {}
  void EndList() override {}
  void Unsigned(std::string_view, uint64_t) override {}
  void Signed(std::string_view, int64_t) override {}
  void Hex(std::string_view, uint64_t) override {}
  void Float(std::string_view, float) override {}
  void Double(std::string_view, double) override {}
  void Word(std::string_view, std::string_view) override {}
  void Text(std::string_view, std::string_view) override {}
  void Data(std::string_view, Bytes, uint64_t) override {}
  void Problem(std::string_view) override {}

 private:
  uint32_t resource_;
  bool found_ = false;
};

bool NamesResource(Bytes request, uint32_t resource) {
  ResourceFinder finder(resource);
  PrintRequest(request, PrintOptions{}, finder);
  return finder.found();
}

bool Matches(const std::vector<std::string>& patterns, std::string_view name) {
  const std::string text(name);
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    return fnmatch(pattern.c_str(), text.c_str(), FNM_CASEFOLD) == 0;
  });
}

bool NameMatches(Bytes request, const std::vector<std::string>& patterns) {
  const auto header = ReadStruct<wire::CtrlHeader>(request);
  if (!header) return false;
  const CommandInfo* info = FindCommand(uint32_t{header->type});
  if (info == nullptr) return false;
  if (Matches(patterns, info->name)) return true;
  const auto decoded = DecodeRequest(request);
  if (!decoded || info->trailing != Trailing::kStream || decoded->trailing.size() % 4 != 0) {
    return false;
  }
  std::vector<uint32_t> storage;
  bool found = false;
  // Where the stream is wrong it just ends here; printing says why.
  (void)WalkVirgl(WordsOf(decoded->trailing, storage), [&](const VirglCommand& command) {
    found = found || Matches(patterns, command.info->name);
  });
  return found;
}

}  // namespace

bool DumpFilter::WantsAll() const {
  return !LooksInside() && first_command == 0 && first_frame == 0 &&
         last_command == std::numeric_limits<uint64_t>::max() &&
         last_frame == std::numeric_limits<uint64_t>::max();
}

bool DumpFilter::Wants(const proto::Command& command, uint64_t frame) const {
  if (command.number() < first_command || command.number() > last_command) return false;
  if (frame < first_frame || frame > last_frame) return false;
  const Bytes request = BytesOf(command.request());
  if (context) {
    const auto header = ReadStruct<wire::CtrlHeader>(request);
    if (!header || header->ctx_id != *context) return false;
  }
  if (!names.empty() && !NameMatches(request, names)) return false;
  return !resource || NamesResource(request, *resource);
}

}  // namespace vgpu
