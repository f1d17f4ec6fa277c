// Prints virgl commands by the field lists of virgl.def, whose grammar is told there.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>

#include "format/protocol/fields.h"
#include "format/protocol/print.h"
#include "format/protocol/virgl.h"

namespace vgpu {

namespace {

constexpr uint32_t kLastObjectCommand = 3;  // CREATE_OBJECT, BIND_OBJECT, DESTROY_OBJECT
constexpr uint32_t kCreateObject = 1;

uint32_t ParseNumber(std::string_view digits) {
  uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

// Cuts the next item off `list`: up to a space that is in no bracket. Empty at the end.
std::string_view NextItem(std::string_view& list) {
  list.remove_prefix(std::min(list.find_first_not_of(' '), list.size()));
  std::size_t depth = 0;
  std::size_t end = 0;
  for (; end < list.size() && (depth > 0 || list[end] != ' '); ++end) {
    if (std::string_view("([{").find(list[end]) != std::string_view::npos) ++depth;
    if (std::string_view(")]}").find(list[end]) != std::string_view::npos) --depth;
  }
  const std::string_view item = list.substr(0, end);
  list.remove_prefix(end);
  return item;
}

// Cuts `text` at the first of `marks`: what is before it comes back, the rest with the mark stays.
std::string_view CutAt(std::string_view& text, std::string_view marks) {
  const std::size_t end = std::min(text.find_first_of(marks), text.size());
  const std::string_view head = text.substr(0, end);
  text.remove_prefix(end);
  return head;
}

// "{inside}" without its brackets.
std::string_view Inside(std::string_view bracketed) {
  return bracketed.substr(1, bracketed.size() - 2);
}

FieldKind KindOrNumber(std::string_view word) { return KindOf(word).value_or(FieldKind::kNumber); }

class FieldPrinter {
 public:
  FieldPrinter(std::span<const uint32_t> words, const PrintOptions& options, PrintSink& sink)
      : words_(words), options_(options), sink_(sink) {}

  void Print(std::string_view fields) {
    Items(fields);
    if (!missing_.empty()) {
      return sink_.Problem(fmt::format("the command ends before its field {}", missing_));
    }
    if (next_ < words_.size()) Data("extra");
  }

 private:
  bool Ended() const { return next_ == words_.size(); }

  // Each returns false where the dwords ended before the field list did.
  bool Items(std::string_view list) {
    for (std::string_view item; !(item = NextItem(list)).empty();) {
      if (!Item(item, true)) return false;
    }
    return true;
  }

  // `labelled` false: an element of a list, printed without its name.
  bool Item(std::string_view item, bool labelled) {
    if (item == "|") {
      optional_ = true;
      return !Ended();
    }
    if (item.front() == '?') return Conditional(item.substr(1));
    const std::string_view name = CutAt(item, ":*{[#");
    const bool whole = Field(labelled ? name : std::string_view(), item, !name.empty());
    if (!whole && !optional_ && missing_.empty()) missing_ = name.empty() ? "flags" : name;
    return whole;
  }

  // `form`: what follows the name in the field list.
  bool Field(std::string_view label, std::string_view form, bool named) {
    if (form.empty()) return Scalar(label, FieldKind::kNumber);
    switch (form.front()) {
      case '{':
        return Bits(label, Inside(form), named);
      case '[':
        return Groups(label, Inside(form), std::nullopt);
      case '#': {
        const std::string_view count = CutAt(form, "[").substr(1);
        return Groups(label, Inside(form), Recall(count));
      }
      default:
        return Typed(label, form);
    }
  }

  // ":kind", ":kind*N", "*N" or ":text@field".
  bool Typed(std::string_view name, std::string_view rest) {
    FieldKind kind = FieldKind::kNumber;
    if (rest.front() == ':') {
      rest.remove_prefix(1);
      kind = KindOrNumber(CutAt(rest, "*@"));
    }
    if (FormOf(kind) == FieldForm::kData) return Data(name);
    if (FormOf(kind) == FieldForm::kText) {
      const std::size_t left = (words_.size() - next_) * sizeof(uint32_t);
      return Text(name, rest.empty() ? left : std::min<std::size_t>(left, Recall(rest.substr(1))));
    }
    if (rest.empty()) return Scalar(name, kind);
    return Array(name, kind, ParseNumber(rest.substr(1)));
  }

  // "field(items)", "field=N(items)", "field!=N(items)"
  bool Conditional(std::string_view item) {
    const std::string_view name = CutAt(item, "=!(");
    const std::string_view test = CutAt(item, "(");
    const uint32_t value = Recall(name);
    bool holds = value != 0;
    if (test.starts_with('=')) holds = value == ParseNumber(test.substr(1));
    if (test.starts_with("!=")) holds = value != ParseNumber(test.substr(2));
    return !holds || Items(Inside(item));
  }

  std::optional<uint32_t> Take() {
    if (Ended()) return std::nullopt;
    return words_[next_++];
  }

  bool Scalar(std::string_view name, FieldKind kind) {
    const auto word = Take();
    if (!word) return false;
    if (FormOf(kind) == FieldForm::kDouble) {
      const auto high = Take();
      if (!high) return false;
      sink_.Double(name, std::bit_cast<double>(uint64_t{*high} << 32 | *word));
      return true;
    }
    Remember(name, *word);
    Value(name, kind, *word);
    return true;
  }

  bool Array(std::string_view name, FieldKind kind, uint32_t count) {
    sink_.BeginList(name);
    std::optional<uint32_t> word{0};
    for (uint32_t i = 0; i < count && (word = Take()); ++i) Value({}, kind, *word);
    sink_.EndList();
    return word.has_value();
  }

  // `count` absent: as many as there are dwords for. A group of one field is that field.
  bool Groups(std::string_view name, std::string_view fields, std::optional<uint32_t> count) {
    std::string_view rest = fields;
    const std::string_view first = NextItem(rest);
    const bool single = NextItem(rest).empty();
    sink_.BeginList(name);
    bool whole = true;
    for (uint32_t i = 0; whole && (count ? i < *count : !Ended()); ++i) {
      if (single) {
        whole = Item(first, false);
        continue;
      }
      sink_.BeginGroup({});
      whole = Items(fields);
      sink_.EndGroup();
    }
    sink_.EndList();
    return whole;
  }

  // Parts of one dword, "name:width:kind", from the lowest bit.
  bool Bits(std::string_view name, std::string_view parts, bool grouped) {
    const auto taken = Take();
    if (!taken) return false;
    uint64_t word = *taken;
    if (grouped) sink_.BeginGroup(name);
    for (std::string_view part; !(part = NextItem(parts)).empty();) {
      const std::string_view part_name = CutAt(part, ":");
      part.remove_prefix(1);
      const uint32_t width = ParseNumber(CutAt(part, ":"));
      const auto value = static_cast<uint32_t>(word & ((uint64_t{1} << width) - 1));
      word >>= width;
      if (part_name == "_") continue;
      Value(part_name, part.empty() ? FieldKind::kNumber : KindOrNumber(part.substr(1)), value);
    }
    if (grouped) sink_.EndGroup();
    return true;
  }

  bool Text(std::string_view name, std::size_t bytes) {
    const char* text = reinterpret_cast<const char*>(words_.data() + next_);
    sink_.Text(name, {text, strnlen(text, bytes)});
    next_ += (bytes + sizeof(uint32_t) - 1) / sizeof(uint32_t);
    return true;
  }

  bool Data(std::string_view name) {
    const Bytes bytes = std::as_bytes(words_.subspan(next_));
    sink_.Data(name, bytes.first(std::min(options_.data_bytes, bytes.size())), bytes.size());
    next_ = words_.size();
    return true;
  }

  void Value(std::string_view name, FieldKind kind, uint32_t word) {
    if (kind == FieldKind::kResource) return sink_.Resource(name, word);
    switch (FormOf(kind)) {
      case FieldForm::kSigned:
        return sink_.Signed(name, static_cast<int32_t>(word));
      case FieldForm::kHex:
        return sink_.Hex(name, word);
      case FieldForm::kFloat:
        return sink_.Float(name, std::bit_cast<float>(word));
      case FieldForm::kFlags:
        return sink_.Word(name, FlagNames(kind, word));
      case FieldForm::kWord:
        if (const auto named = ValueName(kind, word)) return sink_.Word(name, *named);
        return sink_.Unsigned(name, word);
      default:
        return sink_.Unsigned(name, word);
    }
  }

  void Remember(std::string_view name, uint32_t value) {
    if (remembered_ < values_.size()) values_[remembered_++] = {name, value};
  }

  uint32_t Recall(std::string_view name) const {
    for (std::size_t i = remembered_; i-- > 0;) {
      if (values_[i].first == name) return values_[i].second;
    }
    return 0;
  }

  std::span<const uint32_t> words_;
  const PrintOptions& options_;
  PrintSink& sink_;
  std::size_t next_ = 0;
  bool optional_ = false;
  std::string_view missing_;
  // Fields that others refer to stand among the first of their command.
  std::array<std::pair<std::string_view, uint32_t>, 8> values_;
  std::size_t remembered_ = 0;
};

void PrintCommand(const VirglCommand& command, const PrintOptions& options, PrintSink& sink) {
  const uint32_t value = command.info->value;
  sink.BeginRecord("command", command.info->name, command.offset);
  if (value >= kCreateObject && value <= kLastObjectCommand) {
    sink.Word("object", VirglObjectName(command.object));
  } else if (command.object != 0) {
    sink.Unsigned("object", command.object);
  }
  const bool creates = value == kCreateObject;
  FieldPrinter(command.words, options, sink)
      .Print(creates ? FindVirglObject(command.object)->fields : command.info->fields);
  sink.EndRecord();
}

}  // namespace

Status PrintVirgl(std::span<const uint32_t> stream, const PrintOptions& options, PrintSink& sink) {
  return WalkVirgl(stream,
                   [&](const VirglCommand& command) { PrintCommand(command, options, sink); });
}

}  // namespace vgpu
