#include "tests/server/served_guest_fixture.h"

#include <algorithm>
#include <cstring>

namespace vgpu::test {

namespace {

constexpr CommandType kCommands[] = {
#define VGPU_COMMAND(NAME, value, queue, feature, Request, OK_RESPONSE, Trailing) CommandType::NAME,
#include "format/protocol/virtio_gpu.def"
};

struct DocumentedError {
  uint32_t command;  // 0: every one
  ResponseType response;
};

constexpr DocumentedError kErrors[] = {
#define VGPU_ERROR_OF_ALL(RESPONSE, when) {0, ResponseType::RESPONSE},
#define VGPU_ERROR(COMMAND, RESPONSE, when) \
  {static_cast<uint32_t>(CommandType::COMMAND), ResponseType::RESPONSE},
#include "replay/device/errors.def"
};

std::string Words(uint32_t command, uint32_t response) {
  return std::string(CommandName(static_cast<CommandType>(command))) + " " +
         NameOfResponse(response);
}

bool IsDocumented(uint32_t command, uint32_t response) {
  const CommandInfo* info = FindCommand(command);
  if (info == nullptr || response == static_cast<uint32_t>(info->ok_response)) return true;
  return std::ranges::any_of(kErrors, [&](const DocumentedError& error) {
    return (error.command == 0 || error.command == command) &&
           static_cast<uint32_t>(error.response) == response;
  });
}

}  // namespace

void ServedGuestTest::CoversAll(ResponseType response) {
  for (const CommandType command : kCommands) {
    if (FindCommand(static_cast<uint32_t>(command))->feature == feature::kDraft2019) continue;
    Covers(command, response);
  }
}

void ServedGuestTest::TearDown() {
  if (guest_ == nullptr) return;
  for (const auto& [command, response] : guest_->seen()) {
    EXPECT_TRUE(IsDocumented(command, response))
        << Words(command, response) << " is not in replay/device/errors.def";
  }
  EXPECT_THAT(display().faults, testing::IsEmpty());
  if (IsSkipped()) return;
  for (const auto& [command, response] : covered_) {
    EXPECT_TRUE(guest_->seen().contains({command, response}))
        << "the test covers " << Words(command, response) << " and has not seen it";
  }
}

std::string ServedGuestTest::NameOf(Bytes response) {
  const auto header = ReadStruct<wire::CtrlHeader>(response);
  return header ? NameOfResponse(header->type) : "none";
}

void ServedGuestTest::ExpectAlive() {
  constexpr uint32_t kId = 0x7a11fe00;
  EXPECT_EQ(Answer(ask::Create2d(kId, 16, 16)), "OK_NODATA") << "the device is no longer alive";
  EXPECT_EQ(Answer(ask::Unref(kId)), "OK_NODATA");
  EXPECT_EQ(Answer(ask::UpdateCursor(0, 0, 0, 0, CommandType::MOVE_CURSOR)), "OK_NODATA");
  EXPECT_FALSE(guest().broken(Queue::kControl));
  EXPECT_FALSE(guest().broken(Queue::kCursor));
  EXPECT_FALSE(guest().ended());
}

void ServedGuestTest::ExpectNothingIsHeld() {
  EXPECT_TRUE(renderer().holds_nothing())
      << renderer().contexts.size() << " contexts, " << renderer().resources.size()
      << " resources, " << renderer().backings.size() << " backings, " << renderer().mapped.size()
      << " maps, " << renderer().waiting.size() << " fences";
  EXPECT_EQ(guest().memory().used(), 0u);
}

Pieces ServedGuestTest::Scattered(uint32_t bytes) {
  constexpr uint32_t kFirst = 1000;
  std::vector<uint32_t> lengths = {std::min(bytes, kFirst)};
  for (uint32_t left = bytes - lengths[0]; left > 0; left -= lengths.back()) {
    lengths.push_back(std::min(left, kPageBytes));
  }
  Pieces pieces;
  for (const uint32_t length : lengths) {
    const uint64_t place = ram().Allocate(kPageBytes, kPageBytes);
    pieces.push_back({length < kPageBytes ? place + kPageBytes - length : place, length});
  }
  // Two by two the other way round; the lengths go with the places.
  for (std::size_t i = 1; i + 2 < pieces.size(); i += 2) std::swap(pieces[i], pieces[i + 1]);
  return pieces;
}

void ServedGuestTest::Write(const Pieces& pieces, Bytes bytes) {
  for (const BackingEntry& piece : pieces) {
    const std::size_t part = std::min<std::size_t>(piece.length, bytes.size());
    ram().Write(piece.address, bytes.first(part));
    bytes = bytes.subspan(part);
  }
}

std::vector<std::byte> ServedGuestTest::Read(const Pieces& pieces) {
  std::vector<std::byte> out;
  for (const BackingEntry& piece : pieces) {
    const std::byte* begin = ram().At(piece.address);
    out.insert(out.end(), begin, begin + piece.length);
  }
  return out;
}

std::vector<std::byte> ServedGuestTest::Encode(const Pieces& pieces) {
  std::vector<std::byte> bytes;
  for (const BackingEntry& piece : pieces) {
    wire::MemEntry entry;
    entry.addr = piece.address;
    entry.length = piece.length;
    const Bytes one = StructBytes(entry);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  return bytes;
}

Request ServedGuestTest::Attach(uint32_t id, const Pieces& pieces) {
  wire::AttachBacking request;
  request.resource_id = id;
  request.nr_entries = static_cast<uint32_t>(pieces.size());
  return Request(CommandType::RESOURCE_ATTACH_BACKING, request).Followed(Encode(pieces));
}

Request ServedGuestTest::CreateBlob(uint32_t ctx, wire::ResourceCreateBlob blob,
                                    const Pieces& pieces) {
  blob.nr_entries = static_cast<uint32_t>(pieces.size());
  return Request(CommandType::RESOURCE_CREATE_BLOB, blob).On(ctx).Followed(Encode(pieces));
}

Pieces ServedGuestTest::MakePicture(uint32_t id, uint32_t width, uint32_t height, uint32_t salt) {
  std::vector<uint32_t> pixels;
  for (uint32_t y = 0; y < height; ++y) {
    for (uint32_t x = 0; x < width; ++x) pixels.push_back(Pixel(x, y, salt));
  }
  const Pieces pieces = Scattered(width * height * 4);
  Write(pieces, std::as_bytes(std::span(pixels)));
  Expect(ask::Create2d(id, width, height));
  Expect(Attach(id, pieces));
  Expect(ask::ToHost2d(id, Rect(0, 0, width, height)));
  return pieces;
}

Request ServedGuestTest::Flush(uint32_t id, wire::Rect rect) {
  wire::ResourceFlush request;
  request.resource_id = id;
  request.rect = rect;
  return {CommandType::RESOURCE_FLUSH, request};
}

bool ServedGuestTest::Shows(uint32_t scanout, uint32_t width, uint32_t height, uint32_t salt,
                            uint32_t x, uint32_t y) {
  return guest().PumpUntil([&] {
    const DisplayPeer::Scanout& shown = display().scanouts[scanout];
    if (shown.width != width || shown.height != height) return false;
    for (uint32_t row = 0; row < height; ++row) {
      for (uint32_t column = 0; column < width; ++column) {
        if (shown.At(column, row) != (Pixel(x + column, y + row, salt) & 0xffffff)) return false;
      }
    }
    return true;
  });
}

}  // namespace vgpu::test
