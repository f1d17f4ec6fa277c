#include "tests/fuzz/guest_input.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <type_traits>

#include "format/protocol/fields.h"
#include "format/protocol/virgl.h"

namespace vgpu::fuzz {

namespace {

constexpr uint64_t kPage = 4096;
// Formats, by virgl's numbers, that GL has: colours of 1 to 16 bytes, depth.
constexpr uint8_t kFormats[] = {1, 2, 3, 4, 7, 16, 18, 20, 31, 64, 67, 68, 94, 121, 134, 177};
// DEPTH_STENCIL, RENDER_TARGET, SAMPLER_VIEW, the two usual together, VERTEX_BUFFER, INDEX_BUFFER,
// CONSTANT_BUFFER, STREAM_OUTPUT, CUSTOM, SCANOUT with the usual, SHARED, SHADER_BUFFER, STAGING.
constexpr uint32_t kBinds[] = {1,       2,       8,       10,      1 << 4,  1 << 5, 1 << 6,
                               1 << 11, 1 << 17, 0x4000a, 1 << 20, 1 << 14, 1 << 19};
constexpr uint32_t kFloats[] = {0x3f800000, 0xbf800000, 0x3f000000, 0x42800000, 0x7f800000};

template <typename Item, std::size_t kCount>
Item Of(const Item (&items)[kCount], uint8_t which) {
  return items[which % kCount];
}

void Append(std::vector<std::byte>& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

uint8_t GuestInput::Byte() {
  if (rest_.empty()) return 0;
  const uint8_t byte = rest_.front();
  rest_ = rest_.subspan(1);
  return byte;
}

uint64_t GuestInput::Number() {
  const uint8_t byte = Byte();
  if (byte < 0xc0) return byte;
  if (byte < 0xf0) return uint64_t{64} << (byte - 0xc0);
  if (byte < 0xff) return UINT64_MAX - (byte - 0xf0u);
  uint64_t number = 0;
  for (int i = 0; i < 4; ++i) number = number << 8 | Byte();
  return number;
}

uint64_t GuestInput::Address() {
  const uint8_t byte = Byte();
  if (byte < 0xe0) return pages_.address + byte % pages_.pages * kPage;
  if (byte < 0xf8) return pages_.address + byte % pages_.pages * kPage + Number();
  return Number();
}

std::vector<std::byte> GuestInput::ByteString() {
  const std::size_t low = Byte();
  const std::size_t size = std::min(low | std::size_t{Byte()} << 8, rest_.size());
  std::vector<std::byte> bytes(size);
  if (size > 0) std::memcpy(bytes.data(), rest_.data(), size);
  rest_ = rest_.subspan(size);
  return bytes;
}

// One byte of the input for most fields, so that inputs stay short.
uint64_t GuestInput::Field(int kind) {
  switch (static_cast<FieldKind>(kind)) {
    case FieldKind::kFenceFlags:
      return Byte() % 4;
    case FieldKind::kContext:
    case FieldKind::kResource: {
      const uint8_t byte = Byte();
      return byte < 0xf0 ? 1 + byte % 4 : byte % 16;
    }
    case FieldKind::kScanout:
      return Byte() % 18;
    case FieldKind::kFormat: {
      const uint8_t byte = Byte();
      return byte < 0xe0 ? Of(kFormats, byte) : Number();
    }
    case FieldKind::kBind:
      return Of(kBinds, Byte());
    case FieldKind::kTarget:
      return Byte() % 10;
    case FieldKind::kCapset:
    case FieldKind::kBlobMem:
    case FieldKind::kBlobFlags:
    case FieldKind::kResourceFlags:
      return Byte() % 8;
    case FieldKind::kAddress:
      return Address();
    case FieldKind::kPadding:
    case FieldKind::kText:
      return 0;
    default:
      return Number();
  }
}

#define VGPU_STRUCT(Name, size)             \
  template <>                               \
  void GuestInput::Fill(wire::Name& made) { \
    (void)made;
#define VGPU_FIELD(type, name, kind)                                    \
  if (FieldKind::kind != FieldKind::kCommandType) {                     \
    made.name = static_cast<std::remove_cvref_t<decltype(+made.name)>>( \
        Field(static_cast<int>(FieldKind::kind)));                      \
  }
#define VGPU_ARRAY(type, name, count, kind)                     \
  if (FieldKind::kind != FieldKind::kBytes) {                   \
    for (auto& item : made.name) {                              \
      item = static_cast<std::remove_cvref_t<decltype(+item)>>( \
          Field(static_cast<int>(FieldKind::kind)));            \
    }                                                           \
  }
#define VGPU_NESTED(Struct, name) Fill(made.name);
#define VGPU_NESTED_ARRAY(Struct, name, count)
#define VGPU_STRUCT_END(Name) }
#include "format/protocol/virtio_gpu.def"

template <typename Struct>
std::vector<std::byte> GuestInput::Made(CommandType type) {
  Struct made;
  Fill(made);
  const le32 value = static_cast<uint32_t>(type);
  std::memcpy(&made, &value, sizeof(value));
  const Bytes bytes = StructBytes(made);
  return {bytes.begin(), bytes.end()};
}

// One to eight entries, and their number where the struct has it.
void GuestInput::AppendEntries(std::vector<std::byte>& request, std::size_t count_at) {
  const le32 count = 1 + Byte() % 8u;
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t address = Address();
    const uint8_t length = Byte();
    Append(request,
           StructBytes(wire::MemEntry{
               address, length < 0xf0 ? (length % 16u + 1) * 4096u : uint32_t{length}, {}}));
  }
  std::memcpy(request.data() + count_at, &count, sizeof(count));
}

std::vector<uint32_t> GuestInput::VirglWords() {
  std::vector<uint32_t> words;
  for (int commands = 1 + Byte() % 8; commands > 0; --commands) {
    const VirglCommandInfo* info = FindVirglCommand(Byte() % 64);
    if (info == nullptr) continue;
    const uint32_t object = Byte() % 12;
    const VirglObjectInfo* made = info->value == 1 ? FindVirglObject(object) : nullptr;
    const uint32_t least = made != nullptr ? made->min_length : info->min_length;
    const uint8_t extra = Byte();
    const uint32_t length = least + (extra < 0x80 ? 0 : extra % 16);
    words.push_back(info->value | object << 8 | length << 16);
    for (uint32_t i = 0; i < length; ++i) {
      const uint8_t byte = Byte();
      words.push_back(byte < 0x80   ? byte % 8
                      : byte < 0xa0 ? Of(kFormats, byte)
                      : byte < 0xb0 ? Of(kFloats, byte)
                      : byte < 0xc0 ? Of(kBinds, byte)
                                    : static_cast<uint32_t>(Number()));
    }
  }
  return words;
}

void GuestInput::AppendStream(std::vector<std::byte>& request) {
  const std::vector<uint32_t> words = VirglWords();
  const Bytes bytes = std::as_bytes(std::span(words));
  const le32 size = static_cast<uint32_t>(bytes.size());
  std::memcpy(request.data() + offsetof(wire::Submit3d, size), &size, sizeof(size));
  Append(request, bytes);
}

void GuestInput::Change(std::vector<std::byte>& request) {
  const uint8_t how = Byte();
  if (how < 0xc0) return;
  for (int pairs = how % 8; pairs > 0; --pairs) {
    const std::size_t offset = (Byte() | std::size_t{Byte()} << 8) % request.size();
    request[offset] = std::byte{Byte()};
  }
  if (how % 16 == 15) request.resize(Byte() % (request.size() + 1));
}

std::vector<std::byte> GuestInput::Request(const CommandInfo& info) {
  std::vector<std::byte> request;
  switch (info.type) {
#define VGPU_COMMAND(NAME, value, queue, feature, Request, OK_RESPONSE, Trailing) \
  case CommandType::NAME:                                                         \
    request = Made<wire::Request>(CommandType::NAME);                             \
    break;
#include "format/protocol/virtio_gpu.def"
  }
  if (info.type == CommandType::RESOURCE_ATTACH_BACKING) {
    AppendEntries(request, offsetof(wire::AttachBacking, nr_entries));
  }
  if (info.type == CommandType::RESOURCE_CREATE_BLOB && Byte() % 2 == 0) {
    AppendEntries(request, offsetof(wire::ResourceCreateBlob, nr_entries));
  }
  if (info.trailing == Trailing::kStream) AppendStream(request);
  Change(request);
  return request;
}

void LimitWork(std::vector<std::byte>& request) {
  const auto header = ReadStruct<wire::CtrlHeader>(request);
  if (!header || header->type != static_cast<uint32_t>(CommandType::SUBMIT_3D)) return;
  const std::size_t begin = std::min(request.size(), sizeof(wire::Submit3d));
  std::vector<uint32_t> words((request.size() - begin) / sizeof(uint32_t));
  if (words.empty()) return;
  std::memcpy(words.data(), request.data() + begin, words.size() * sizeof(uint32_t));
  std::vector<uint32_t> limited = words;
  (void)WalkVirgl(words, [&](const VirglCommand& command) {
    const auto limit = [&](std::size_t word, uint32_t mask) {
      if (word < command.words.size()) limited[command.offset + 1 + word] &= mask;
    };
    if (command.info->name == "DRAW_VBO") {
      limit(1, 0x3ff);  // count
      limit(4, 3);      // instance_count
      limit(11, 0);     // count_from_so: a count that the library makes up where the id is not one
    }
    if (command.info->name == "LAUNCH_GRID") {
      for (std::size_t word = 0; word < 6; ++word) limit(word, 7);
    }
  });
  std::memcpy(request.data() + begin, limited.data(), limited.size() * sizeof(uint32_t));
}

}  // namespace vgpu::fuzz
