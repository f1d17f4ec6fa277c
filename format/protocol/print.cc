#include "format/protocol/print.h"

#include <algorithm>
#include <cstring>

#include "format/protocol/decode.h"
#include "format/protocol/fields.h"

namespace vgpu {

namespace {

uint64_t ReadInteger(Bytes bytes, std::size_t size) {
  uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value |= std::to_integer<uint64_t>(bytes[i]) << (8 * i);
  return value;
}

void PrintInteger(std::string_view name, FieldKind kind, uint64_t value, PrintSink& sink) {
  if (kind == FieldKind::kResource) return sink.Resource(name, static_cast<uint32_t>(value));
  switch (FormOf(kind)) {
    case FieldForm::kSigned:
      return sink.Signed(name, static_cast<int32_t>(value));
    case FieldForm::kHex:
      return sink.Hex(name, value);
    case FieldForm::kFlags:
      return sink.Word(name, FlagNames(kind, static_cast<uint32_t>(value)));
    case FieldForm::kWord:
      if (const auto word = ValueName(kind, static_cast<uint32_t>(value))) {
        return sink.Word(name, *word);
      }
      return sink.Unsigned(name, value);
    case FieldForm::kPadding:
      return value != 0 ? sink.Hex(name, value) : void();
    default:
      return sink.Unsigned(name, value);
  }
}

bool IsZero(Bytes bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

class StructPrinter {
 public:
  StructPrinter(const PrintOptions& options, PrintSink& sink) : options_(options), sink_(sink) {}

  // Required: `bytes` holds the struct.
  void Print(const StructInfo& info, Bytes bytes) {
    for (const FieldInfo& field : info.fields) {
      const Bytes value = bytes.subspan(field.offset, std::size_t{field.size} * field.count);
      if (field.name == "hdr") {
        PrintHeader(value);
      } else if (field.nested != nullptr) {
        field.array ? PrintStructs(field, value) : PrintGroup(field.name, *field.nested, value);
      } else if (field.array) {
        PrintArray(field, value);
      } else {
        PrintInteger(field.name, field.kind, ReadInteger(value, field.size), sink_);
      }
    }
  }

  void PrintGroup(std::string_view name, const StructInfo& info, Bytes bytes) {
    sink_.BeginGroup(name);
    Print(info, bytes);
    sink_.EndGroup();
  }

 private:
  // The type is the record's name; of the rest, what is in use.
  void PrintHeader(Bytes bytes) {
    const auto header = ReadStruct<wire::CtrlHeader>(bytes);
    if (header->ctx_id != 0) sink_.Unsigned("ctx", header->ctx_id);
    if ((header->flags & kFlagFence) != 0) sink_.Unsigned("fence", header->fence_id);
    if ((header->flags & kFlagInfoRingIdx) != 0) sink_.Unsigned("ring", header->ring_idx);
    const uint32_t others = header->flags & ~(kFlagFence | kFlagInfoRingIdx);
    if (others != 0) sink_.Hex("flags", others);
  }

  // Elements after the last that is not all zero are left out.
  void PrintStructs(const FieldInfo& field, Bytes bytes) {
    std::size_t count = field.count;
    while (count > 0 && IsZero(bytes.subspan((count - 1) * field.size, field.size))) --count;
    sink_.BeginList(field.name);
    for (std::size_t i = 0; i < count; ++i) {
      PrintGroup({}, *field.nested, bytes.subspan(i * field.size, field.size));
    }
    sink_.EndList();
  }

  void PrintArray(const FieldInfo& field, Bytes bytes) {
    const FieldForm form = FormOf(field.kind);
    if (form == FieldForm::kText) {
      const char* text = reinterpret_cast<const char*>(bytes.data());
      return sink_.Text(field.name, {text, strnlen(text, bytes.size())});
    }
    if (form == FieldForm::kData || form == FieldForm::kPadding) {
      if (form == FieldForm::kPadding && IsZero(bytes)) return;
      return sink_.Data(field.name, bytes.first(std::min(options_.data_bytes, bytes.size())),
                        bytes.size());
    }
    sink_.BeginList(field.name);
    for (std::size_t i = 0; i < field.count; ++i) {
      PrintInteger({}, field.kind, ReadInteger(bytes.subspan(i * field.size), field.size), sink_);
    }
    sink_.EndList();
  }

  const PrintOptions& options_;
  PrintSink& sink_;
};

void PrintEntries(const DecodedRequest& request, const PrintOptions& options, PrintSink& sink) {
  constexpr std::size_t kSize = sizeof(wire::MemEntry);
  const std::size_t count = request.trailing.size() / kSize;
  const std::size_t shown = std::min(count, options.entries);
  sink.BeginList("entries");
  for (std::size_t i = 0; i < shown; ++i) {
    StructPrinter(options, sink)
        .PrintGroup({}, MemEntryStruct(), request.trailing.subspan(i * kSize, kSize));
  }
  sink.EndList();
  if (shown < count) sink.Unsigned("entries_left_out", count - shown);
}

void PrintStream(Bytes stream, const PrintOptions& options, PrintSink& sink) {
  std::vector<uint32_t> storage;
  sink.BeginStream();
  const Status status = PrintVirgl(WordsOf(stream, storage), options, sink);
  sink.EndStream();
  if (!status) sink.Problem(status.error().message);
}

// What can be said of bytes that do not decode: their type, where there is one.
void PrintMalformed(std::string_view what, Bytes bytes, const Error& error, PrintSink& sink) {
  const auto header = ReadStruct<wire::CtrlHeader>(bytes);
  const auto name = header ? ValueName(FieldKind::kCommandType, header->type) : std::nullopt;
  sink.BeginRecord(what, name.value_or("MALFORMED"), std::nullopt);
  sink.Problem(error.message);
  sink.EndRecord();
}

template <typename Sink>
std::string Printed(void (*print)(Bytes, const PrintOptions&, PrintSink&), Bytes bytes,
                    const PrintOptions& options) {
  std::string out;
  Sink sink(out);
  print(bytes, options, sink);
  return out;
}

}  // namespace

void PrintRequest(Bytes request, const PrintOptions& options, PrintSink& sink) {
  const Result<DecodedRequest> decoded = DecodeRequest(request);
  if (!decoded) return PrintMalformed("command", request, decoded.error(), sink);
  sink.BeginRecord("command", decoded->info->name, std::nullopt);
  StructPrinter(options, sink).Print(*RequestStruct(decoded->info->type), decoded->fixed);
  if (decoded->info->trailing == Trailing::kMemEntries) PrintEntries(*decoded, options, sink);
  if (decoded->info->trailing == Trailing::kStream && options.stream) {
    PrintStream(decoded->trailing, options, sink);
  }
  sink.EndRecord();
}

void PrintResponse(Bytes response, const PrintOptions& options, PrintSink& sink) {
  const Result<DecodedResponse> decoded = DecodeResponse(response, options.answers);
  if (!decoded) return PrintMalformed("response", response, decoded.error(), sink);
  sink.BeginRecord("response", *ResponseName(decoded->type, options.answers), std::nullopt);
  StructPrinter(options, sink)
      .Print(*ResponseStruct(decoded->type, options.answers), decoded->fixed);
  const Bytes rest = decoded->trailing;
  if (!rest.empty()) {
    sink.Data("data", rest.first(std::min(options.data_bytes, rest.size())), rest.size());
  }
  sink.EndRecord();
}

std::string RequestText(Bytes request, const PrintOptions& options) {
  return Printed<TextSink>(PrintRequest, request, options);
}

std::string RequestJson(Bytes request, const PrintOptions& options) {
  return Printed<JsonSink>(PrintRequest, request, options);
}

std::string ResponseText(Bytes response, const PrintOptions& options) {
  return Printed<TextSink>(PrintResponse, response, options);
}

std::string ResponseJson(Bytes response, const PrintOptions& options) {
  return Printed<JsonSink>(PrintResponse, response, options);
}

}  // namespace vgpu
