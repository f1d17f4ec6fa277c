#include "replay/inspect/packet_printer.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>

#include "format/protocol/virtio_gpu.h"

namespace vgpu {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// A digest is worth more than a head of 16 bytes that happens to be all of it.
constexpr size_t kDigestBytes = 16;

Bytes BytesOf(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string Hex(Bytes bytes) {
  std::string out;
  for (const std::byte byte : bytes) out += fmt::format("{:02x}", std::to_integer<uint32_t>(byte));
  return out;
}

// Walks a message's fields with protobuf's own description of them, so that a field that is added
// to the schema is printed without a change here.
class MessagePrinter {
 public:
  MessagePrinter(size_t data_bytes, PrintSink& sink) : data_bytes_(data_bytes), sink_(sink) {}

  void Print(const Message& message) {
    const Reflection& reflection = *message.GetReflection();
    for (int number = 0; number < message.GetDescriptor()->field_count(); ++number) {
      const FieldDescriptor* field = message.GetDescriptor()->field(number);
      if (IsAbsent(message, reflection, *field)) continue;
      if (!field->is_repeated()) {
        PrintValue(message, reflection, *field, field->name(), -1);
        continue;
      }
      sink_.BeginList(field->name());
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        PrintValue(message, reflection, *field, "", i);
      }
      sink_.EndList();
    }
  }

 private:
  // A number that is 0 is there. Bytes are absent where they are empty, as a digest that was not
  // taken is.
  static bool IsAbsent(const Message& message, const Reflection& reflection,
                       const FieldDescriptor& field) {
    if (field.is_repeated()) return reflection.FieldSize(message, &field) == 0;
    const bool is_bytes = field.type() == FieldDescriptor::TYPE_BYTES;
    return (field.has_presence() || is_bytes) && !reflection.HasField(message, &field);
  }

  // `index` is -1 for a single field.
  void PrintValue(const Message& message, const Reflection& reflection,
                  const FieldDescriptor& field, const std::string& name, int index) {
#define VGPU_GET(Kind)                               \
  (index < 0 ? reflection.Get##Kind(message, &field) \
             : reflection.GetRepeated##Kind(message, &field, index))
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return sink_.Signed(name, VGPU_GET(Int32));
      case FieldDescriptor::CPPTYPE_INT64:
        return sink_.Signed(name, VGPU_GET(Int64));
      case FieldDescriptor::CPPTYPE_UINT32:
        return sink_.Unsigned(name, VGPU_GET(UInt32));
      case FieldDescriptor::CPPTYPE_UINT64:
        return sink_.Unsigned(name, VGPU_GET(UInt64));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return sink_.Double(name, VGPU_GET(Double));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return sink_.Float(name, VGPU_GET(Float));
      case FieldDescriptor::CPPTYPE_BOOL:
        return sink_.Bool(name, VGPU_GET(Bool));
      case FieldDescriptor::CPPTYPE_ENUM:
        return PrintEnum(name, *VGPU_GET(Enum));
      case FieldDescriptor::CPPTYPE_STRING:
        return PrintString(field, name, VGPU_GET(String));
      case FieldDescriptor::CPPTYPE_MESSAGE:
        sink_.BeginGroup(name);
        Print(VGPU_GET(Message));
        return sink_.EndGroup();
    }
#undef VGPU_GET
  }

  void PrintEnum(const std::string& name, const google::protobuf::EnumValueDescriptor& value) {
    sink_.Word(name, value.name());
  }

  void PrintString(const FieldDescriptor& field, const std::string& name,
                   const std::string& value) {
    if (field.type() == FieldDescriptor::TYPE_STRING) return sink_.Text(name, value);
    const Bytes bytes = BytesOf(value);
    if (bytes.size() == kDigestBytes) return sink_.Word(name, Hex(bytes));
    sink_.Data(name, bytes.first(std::min(bytes.size(), data_bytes_)), bytes.size());
  }

  size_t data_bytes_;
  PrintSink& sink_;
};

double SecondsSince(uint64_t time_ns, uint64_t start_ns) {
  return time_ns < start_ns ? 0 : static_cast<double>(time_ns - start_ns) * 1e-9;
}

std::string Traits(const proto::Command& command) {
  std::string traits;
  if (command.queue() != 0) traits += ", cursor queue";
  if (command.inferred()) traits += ", inferred";
  if (command.unanswered()) traits += ", unanswered";
  return traits;
}

// Of the response: what it means depends on what it answers.
PrintOptions ForResponse(const proto::Command& command, PrintOptions options) {
  const auto header = ReadStruct<wire::CtrlHeader>(BytesOf(command.request()));
  options.answers = header ? uint32_t{header->type} : 0;
  return options;
}

void PrintCommandText(const proto::Command& command, uint64_t frame, uint64_t start_ns,
                      const PrintOptions& options, std::string& out) {
  out += fmt::format("command {} (frame {}, at {:.6f} s", command.number(), frame,
                     SecondsSince(command.begin_ns(), start_ns));
  if (command.end_ns() >= command.begin_ns() && command.end_ns() != 0) {
    out += fmt::format(", {:.1f} us",
                       static_cast<double>(command.end_ns() - command.begin_ns()) * 1e-3);
  }
  out += fmt::format("{})\n", Traits(command));
  TextSink sink(out, 2);
  PrintRequest(BytesOf(command.request()), options, sink);
  if (!command.response().empty()) {
    TextSink response(out, 2);
    PrintResponse(BytesOf(command.response()), ForResponse(command, options), response);
  }
}

void PrintCommandJson(const proto::Command& command, uint64_t frame, const PrintOptions& options,
                      std::string& out) {
  out += fmt::format(
      R"({{"packet":"command","number":{},"frame":{},"queue":{},"begin_ns":{},"end_ns":{})",
      command.number(), frame, command.queue(), command.begin_ns(), command.end_ns());
  out += fmt::format(R"(,"inferred":{},"unanswered":{},"request":)", command.inferred(),
                     command.unanswered());
  out += RequestJson(BytesOf(command.request()), options);
  if (!command.response().empty()) {
    out += R"(,"response":)";
    out += ResponseJson(BytesOf(command.response()), ForResponse(command, options));
  }
  out += '}';
}

void PrintOther(const proto::Packet& packet, size_t data_bytes, PrintSink& sink) {
  const auto& reflection = *packet.GetReflection();
  const auto* body =
      reflection.GetOneofFieldDescriptor(packet, packet.GetDescriptor()->FindOneofByName("body"));
  if (body == nullptr) {
    sink.BeginRecord("packet", "unknown", std::nullopt);
  } else {
    sink.BeginRecord("packet", body->name(), std::nullopt);
    MessagePrinter(data_bytes, sink).Print(reflection.GetMessage(packet, body));
  }
  sink.EndRecord();
}

}  // namespace

void PrintPacket(const proto::Packet& packet, uint64_t frame, uint64_t start_ns,
                 const PacketPrintOptions& options, std::string& out) {
  if (packet.has_command()) {
    if (options.json) {
      PrintCommandJson(packet.command(), frame, options.protocol, out);
    } else {
      PrintCommandText(packet.command(), frame, start_ns, options.protocol, out);
    }
  } else if (options.json) {
    JsonSink sink(out);
    PrintOther(packet, options.protocol.data_bytes, sink);
  } else {
    TextSink sink(out);
    PrintOther(packet, options.protocol.data_bytes, sink);
  }
  if (!out.empty() && out.back() != '\n') out += '\n';
}

}  // namespace vgpu
