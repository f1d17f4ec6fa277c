// Chunks that are intact and say what no writer says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/protocol/limits.h"
#include "format/trace/chunk_codec.h"
#include "tests/format/trace/trace_builder.h"

namespace vgpu {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string OpenError(const std::string& content) {
  const MemoryFile file(content);
  const auto reader = TraceReader::Open(file.path());
  if (reader) return "opened";
  EXPECT_EQ(reader.error().code, ErrorCode::kUnreadable);
  EXPECT_TRUE(reader.error().message.starts_with(file.path().string() + " "));
  return reader.error().message.substr(file.path().string().size() + 1);
}

// What the reader says of a chunk behind a good one.
std::string DamageOf(const std::string& chunk) {
  const MemoryFile file(ChunkOf({SessionPacket()}) + chunk);
  const auto reader = TraceReader::Open(file.path());
  EXPECT_TRUE(reader) << reader.error().message;
  ReadAll(**reader);
  const auto& damage = (*reader)->summary().damage;
  return damage.empty() ? "none" : damage.front().what;
}

// Appends a field of bytes in wire form.
void AppendField(std::string& out, int number, const std::string& bytes) {
  out.push_back(static_cast<char>(number << 3 | 2));
  for (size_t length = bytes.size(); true; length >>= 7) {
    out.push_back(static_cast<char>((length & 0x7f) | (length > 0x7f ? 0x80 : 0)));
    if (length <= 0x7f) break;
  }
  out += bytes;
}

TEST(Open, WhatIsNoTraceIsASentence) {
  EXPECT_EQ(OpenError(""), "is empty");
  EXPECT_EQ(OpenError("\x89PNG\r\n\x1a\n and so on"),
            "is not a trace: no chunk is found in its 18 bytes");
  const TemporaryFolder folder;
  const auto missing = TraceReader::Open(folder / "none.vgpu");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kUnreadable);
  EXPECT_EQ(missing.error().message,
            (folder / "none.vgpu").string() + " cannot be opened: No such file or directory");
  const auto directory = TraceReader::Open(folder / ".");
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message, HasSubstr(" is a directory, not a trace"));
}

TEST(Open, ANewerVersionIsNamed) {
  proto::Packet packet = SessionPacket();
  packet.mutable_session()->set_format_version(2);
  EXPECT_EQ(OpenError(ChunkOf({packet})),
            "has format version 2, newer than the version 1 known here");
  packet.mutable_session()->clear_format_version();
  EXPECT_EQ(OpenError(ChunkOf({packet})), "has a session without a format version");
}

TEST(Open, AnUnknownRequiredFeatureIsNamed) {
  proto::Packet packet = SessionPacket();
  packet.mutable_session()->add_required_features("holograms");
  EXPECT_EQ(OpenError(ChunkOf({packet})),
            "requires the feature \"holograms\", which is not known here");
}

TEST(Open, ATraceWithoutPacketsIsASentence) {
  std::string out;
  TraceWriter writer(std::make_unique<StringTraceFile>(&out), QuietOptions());
  ASSERT_TRUE(writer.Close());
  EXPECT_EQ(OpenError(out), "is a trace without packets");
}

TEST(Open, AnUnknownCodecOfTheFirstChunkIsNamed) {
  ChunkHead head;
  head.codec = static_cast<proto::Codec>(2);
  head.checksum = ChecksumOf({});
  const auto bytes = MakeHead(head);
  const std::string chunk(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  EXPECT_EQ(OpenError(chunk), "has chunks of codec 2, which is not known here");
  EXPECT_EQ(OpenError(chunk + ChunkOf({SessionPacket()})),
            "has chunks of codec 2, which is not known here");
}

TEST(Hostile, FieldsAndKindsOfANewerWriterArePassedOver) {
  proto::Packet future;
  ASSERT_TRUE(future.ParseFromString("\xa2\x06\x03new"));  // field 100
  proto::Packet command = CommandPacket(0);
  ASSERT_TRUE(command.mutable_command()->MergeFromString("\xc0\x0c\x05"));  // field 200
  const MemoryFile file(ChunkOf({SessionPacket(), future, command}));
  const auto reader = TraceReader::Open(file.path());
  ASSERT_TRUE(reader);
  EXPECT_TRUE((*(*reader)->Next())->has_session());
  EXPECT_EQ((*(*reader)->Next())->body_case(), proto::Packet::BODY_NOT_SET);
  EXPECT_EQ((*(*reader)->Next())->command().request(), "request");
  EXPECT_EQ(*(*reader)->Next(), nullptr);
  EXPECT_THAT((*reader)->summary().damage, IsEmpty());
}

TEST(Hostile, APacketThatCannotBeParsedCostsOnePacket) {
  proto::Packets payload;
  *payload.add_packet() = CommandPacket(1);
  std::string bytes = payload.SerializeAsString();
  bytes += std::string("\x0a\x03\x12\x05x", 5);  // a command of five bytes in a packet of three
  bytes += payload.SerializeAsString();
  const MemoryFile file(ChunkOf({SessionPacket()}) + ChunkOf(bytes, {}));
  const auto reader = TraceReader::Open(file.path());
  ASSERT_TRUE(reader);
  EXPECT_EQ(ReadAll(**reader).size(), 3u);
  ASSERT_EQ((*reader)->summary().damage.size(), 1u);
  EXPECT_THAT((*reader)->summary().damage[0].what,
              HasSubstr("has packets that cannot be parsed or pass a limit; skipped 1"));
}

TEST(Hostile, APacketThatPassesItsPayloadCostsTheChunk) {
  EXPECT_THAT(DamageOf(ChunkOf(std::string("\x0a\x05xx", 4), {})),
              HasSubstr("has a packet at byte 0 of its payload that passes the end"));
}

TEST(Hostile, BlobsMustBeThoseThatTheHeadAnnounces) {
  proto::Packet blob;
  blob.mutable_blob()->set_id(5);
  blob.mutable_blob()->set_data("data");
  proto::Packets payload;
  *payload.add_packet() = blob;
  proto::Range range;
  range.set_first_blob(4);
  range.set_blobs(1);
  EXPECT_THAT(DamageOf(ChunkOf(payload.SerializeAsString(), range)),
              HasSubstr("has blob 5 where blob 4 is expected"));
  range.set_first_blob(5);
  range.set_blobs(2);
  EXPECT_THAT(DamageOf(ChunkOf(payload.SerializeAsString(), range)),
              HasSubstr("has 1 blobs, expected 2"));
}

TEST(Hostile, NumbersThatPassTheirTypeAreRefused) {
  proto::Range range;
  range.set_first_command(UINT64_MAX);
  range.set_commands(2);
  EXPECT_THAT(DamageOf(ChunkOf("", range)), HasSubstr("has numbers that pass 64 bits"));
}

TEST(Hostile, ASizeAboveTheLimitIsRefusedBeforeItIsAllocated) {
  ChunkHead head;
  head.raw_size = limits::kMaxChunkBytes + 1;
  const auto bytes = MakeHead(head);
  EXPECT_THAT(DamageOf({reinterpret_cast<const char*>(bytes.data()), bytes.size()}),
              HasSubstr("bytes uncompressed, more than the limit of"));
  head.raw_size = 0;
  head.payload_size = (uint64_t{1} << 35) - 200;
  const auto long_head = MakeHead(head);
  EXPECT_THAT(DamageOf({reinterpret_cast<const char*>(long_head.data()), long_head.size()}),
              HasSubstr(" bytes, more than the limit of "));
}

TEST(Head, TakesAtMostTheBytesThatTheFormatSays) {
  ChunkHead head;
  head.payload_size = head.raw_size = limits::kMaxChunkBytes;
  proto::Range& range = head.range;
  range.set_first_command(UINT64_MAX);
  range.set_commands(UINT64_MAX);
  range.set_first_frame(UINT64_MAX);
  range.set_frames(UINT64_MAX);
  range.set_first_blob(UINT64_MAX);
  range.set_blobs(UINT64_MAX);
  range.set_begin_ns(UINT64_MAX);
  range.set_end_ns(UINT64_MAX);
  EXPECT_EQ(MakeHead(head).size(), 146u);
}

TEST(Hostile, ALengthThatWrapsIsRefused) {
  ChunkHead head;
  const auto honest = MakeHead(head);
  // The payload's length is the last byte of the head; put the longest number there instead.
  std::vector<std::byte> bytes(honest.begin(), honest.end() - 1);
  for (int i = 0; i < 9; ++i) bytes.push_back(std::byte{0xff});
  bytes.push_back(std::byte{0x01});
  EXPECT_THAT(DamageOf({reinterpret_cast<const char*>(bytes.data()), bytes.size()}),
              HasSubstr("has 18446744073709551615 payload bytes in "));
}

TEST(Hostile, AnUnknownCodecIsNamed) {
  ChunkHead head;
  head.codec = static_cast<proto::Codec>(9);
  head.checksum = ChecksumOf({});
  const auto bytes = MakeHead(head);
  EXPECT_THAT(DamageOf({reinterpret_cast<const char*>(bytes.data()), bytes.size()}),
              HasSubstr("uses codec 9, which is not known here"));
}

TEST(Hostile, AnIndexThatDoesNotFitTheFileIsReplacedByAWalk) {
  const std::string chunk = ChunkOf({SessionPacket(), CommandPacket(0)});
  proto::Packets payload;
  auto& entry = *payload.add_packet()->mutable_index()->add_chunk();
  entry.set_offset(1);
  entry.set_size(chunk.size() - 1);
  ChunkEncoder encoder(0);
  const std::string bytes = payload.SerializeAsString();
  const auto closing = encoder.Encode(AsBytes(bytes), {}, chunk.size());
  ASSERT_TRUE(closing);
  const MemoryFile file(
      chunk + std::string(reinterpret_cast<const char*>(closing->data()), closing->size()));
  const auto reader = TraceReader::Open(file.path());
  ASSERT_TRUE(reader);
  EXPECT_EQ(ReadAll(**reader).size(), 2u);
  EXPECT_FALSE((*reader)->summary().has_index);
  EXPECT_THAT((*reader)->summary().damage, IsEmpty());
  EXPECT_THAT((*reader)->summary().index_damage.value_or(""),
              HasSubstr("index at offset " + std::to_string(chunk.size()) +
                        " has an entry 0 that does not follow the one before it"));
}

TEST(Hostile, AnIndexThatListsAnotherRangeThanTheChunkCostsTheChunk) {
  const std::string chunk = ChunkOf({SessionPacket(), CommandPacket(0)});
  proto::Packets payload;
  auto& entry = *payload.add_packet()->mutable_index()->add_chunk();
  entry.set_size(chunk.size());
  entry.mutable_range()->set_commands(7);
  ChunkEncoder encoder(0);
  const std::string bytes = payload.SerializeAsString();
  const auto closing = encoder.Encode(AsBytes(bytes), {}, chunk.size());
  ASSERT_TRUE(closing);
  const MemoryFile file(
      chunk + std::string(reinterpret_cast<const char*>(closing->data()), closing->size()));
  const auto reader = TraceReader::Open(file.path());
  ASSERT_TRUE(reader);
  EXPECT_THAT(ReadAll(**reader), IsEmpty());
  EXPECT_THAT((*reader)->summary().damage.at(0).what,
              HasSubstr("is not the chunk that the index lists; skipped 7 commands"));
}

// What a reader says of one packet in wire form, in a chunk of its own.
std::string DamageOfPacket(const std::string& packet) {
  std::string bytes;
  AppendField(bytes, 1, packet);
  return DamageOf(ChunkOf(bytes, {}));
}

constexpr const char* kPassesALimit =
    "has packets that cannot be parsed or pass a limit; skipped 1";

// Few bytes each, that would become many times as many.
TEST(Hostile, APacketOfManyFieldsIsRefusedBeforeItIsParsed) {
  std::string places;
  for (uint64_t i = 0; i <= limits::kMaxPacketFields; ++i) places += std::string("\x22\x00", 2);
  std::string packet;
  AppendField(packet, proto::Packet::kHeapEventFieldNumber, places);
  EXPECT_THAT(DamageOfPacket(packet), HasSubstr(kPassesALimit));

  std::string unknown;
  for (uint64_t i = 0; i <= limits::kMaxPacketFields; ++i) unknown += std::string("\x78\x00", 2);
  for (const int body : {proto::Packet::kCommandFieldNumber, proto::Packet::kBlobFieldNumber}) {
    packet.clear();
    AppendField(packet, body, unknown);
    EXPECT_THAT(DamageOfPacket(packet),
                testing::AnyOf(HasSubstr(kPassesALimit), HasSubstr("blobs")))
        << body;
  }
  packet.clear();
  std::string groups;
  for (uint64_t i = 0; i <= limits::kMaxPacketFields; ++i) groups += "\x7b\x7c";
  AppendField(packet, proto::Packet::kCommandFieldNumber, groups);
  EXPECT_THAT(DamageOfPacket(packet), HasSubstr(kPassesALimit));
}

TEST(Hostile, APacketThatNamesTooManyBlobsIsRefused) {
  for (const uint64_t ids : {limits::kMaxPacketBlobs + 1, limits::kMaxPacketFields + 1}) {
    std::string blobs, packet;
    AppendField(blobs, proto::Memory::kBlobFieldNumber, std::string(ids, '\0'));
    AppendField(packet, proto::Packet::kMemoryFieldNumber, blobs);
    EXPECT_THAT(DamageOfPacket(packet), HasSubstr(kPassesALimit));
  }
  EXPECT_EQ(
      DamageOfPacket(
          MemoryPacket(1, std::vector<uint64_t>(limits::kMaxPacketBlobs), 4).SerializeAsString()),
      "none");
}

TEST(Hostile, AFactOfManyBytesIsRefusedAndACommandIsNot) {
  const std::string bytes(limits::kMaxFactBytes + 1, 'x');
  std::string marker, packet;
  AppendField(marker, proto::Marker::kTextFieldNumber, bytes);
  AppendField(packet, proto::Packet::kMarkerFieldNumber, marker);
  EXPECT_THAT(DamageOfPacket(packet), HasSubstr(kPassesALimit));
  EXPECT_EQ(DamageOfPacket(CommandPacket(0, bytes).SerializeAsString()), "none");
}

TEST(Hostile, ABlobAboveTheLimitCostsTheChunk) {
  proto::Packets payload;
  payload.add_packet()->mutable_blob()->set_data(std::string(limits::kMaxBlobBytes + 1, 'x'));
  proto::Range range;
  range.set_blobs(1);
  EXPECT_THAT(DamageOf(ChunkOf(payload.SerializeAsString(), range)),
              HasSubstr("has blob 0 of 1048577 bytes, more than the limit of 1048576"));
}

// A session that is no UTF-8 is lost, and protobuf says nothing of its own.
TEST(Hostile, TextThatIsNotUtf8IsRefusedInSilence) {
  proto::Packet session = SessionPacket();
  session.mutable_session()->set_producer("\xff");
  const std::string chunk = ChunkOf({session});
  const MemoryFile file(chunk);
  testing::internal::CaptureStderr();
  const auto reader = TraceReader::Open(file.path());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->session().format_version(), 0u);
}

TEST(Hostile, ContentAboveTheLimitIsRefused) {
  std::string out;
  TraceWriter writer(std::make_unique<StringTraceFile>(&out), QuietOptions());
  ASSERT_TRUE(writer.Write(SessionPacket()));
  const std::string one(100, 'x');
  const auto ids = writer.StoreContent(AsBytes(one));
  ASSERT_TRUE(ids);
  ASSERT_TRUE(writer.Close());
  const MemoryFile file(out);
  const auto reader = TraceReader::Open(file.path());
  ASSERT_TRUE(reader);
  google::protobuf::RepeatedField<uint64_t> field;
  for (int i = 0; i < 11; ++i) field.Add(0);
  std::vector<std::byte> content;
  const auto status = (*reader)->AppendBlobs(field, content, 1000);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message,
              HasSubstr("content of 11 blobs passes the limit of 1000 bytes"));
  EXPECT_LE(content.size(), 1000u);
}

}  // namespace
}  // namespace vgpu
