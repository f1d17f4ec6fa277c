#include "format/trace/valid_text.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>

#include "format/protocol/escape.h"

namespace vgpu {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

const FieldDescriptor* BodyField(const proto::Packet& packet) {
  const auto* body = proto::Packet::descriptor()->FindOneofByName("body");
  return packet.GetReflection()->GetOneofFieldDescriptor(packet, body);
}

// Strings stand in the bodies themselves, in no message inside them.
bool HasInvalidText(const Message& body) {
  const Reflection& reflection = *body.GetReflection();
  std::string scratch;
  for (int i = 0; i < body.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = body.GetDescriptor()->field(i);
    if (field->type() != FieldDescriptor::TYPE_STRING) continue;
    if (!field->is_repeated()) {
      if (!IsUtf8(reflection.GetStringReference(body, field, &scratch))) return true;
      continue;
    }
    for (int k = 0; k < reflection.FieldSize(body, field); ++k) {
      if (!IsUtf8(reflection.GetRepeatedStringReference(body, field, k, &scratch))) return true;
    }
  }
  return false;
}

void ReplaceInvalidText(Message& body) {
  const Reflection& reflection = *body.GetReflection();
  for (int i = 0; i < body.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = body.GetDescriptor()->field(i);
    if (field->type() != FieldDescriptor::TYPE_STRING) continue;
    if (!field->is_repeated()) {
      reflection.SetString(&body, field, ReplaceInvalidUtf8(reflection.GetString(body, field)));
      continue;
    }
    for (int k = 0; k < reflection.FieldSize(body, field); ++k) {
      const std::string text = reflection.GetRepeatedString(body, field, k);
      reflection.SetRepeatedString(&body, field, k, ReplaceInvalidUtf8(text));
    }
  }
}

}  // namespace

std::optional<proto::Packet> WithValidText(const proto::Packet& packet) {
  // What comes by the thousand has no text.
  if (packet.has_command() || packet.has_memory() || packet.has_blob()) return std::nullopt;
  const FieldDescriptor* field = BodyField(packet);
  if (field == nullptr) return std::nullopt;
  if (!HasInvalidText(packet.GetReflection()->GetMessage(packet, field))) return std::nullopt;
  proto::Packet valid = packet;
  ReplaceInvalidText(*valid.GetReflection()->MutableMessage(&valid, field));
  return valid;
}

}  // namespace vgpu
