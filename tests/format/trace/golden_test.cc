// The bytes of the format, pinned. docs/FORMAT.md explains the same bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "format/protocol/virtio_gpu.h"
#include "format/trace/chunk_codec.h"
#include "tests/format/trace/trace_builder.h"

namespace vgpu {
namespace {

using testing::HasSubstr;

std::string ReadText(const std::filesystem::path& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in) << path;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

const std::filesystem::path kRoot = VGPU_SOURCE_DIR;

// Hex pairs; a # starts a comment.
std::string FromHex(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream pairs(line.substr(0, line.find('#')));
    for (std::string pair; pairs >> pair;) {
      EXPECT_EQ(pair.size(), 2u) << line;
      out.push_back(static_cast<char>(std::stoi(pair, nullptr, 16)));
    }
  }
  return out;
}

std::string ToHex(const std::string& bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    char pair[4];
    std::snprintf(pair, sizeof(pair), "%02x%c", static_cast<unsigned char>(bytes[i]),
                  i % 16 == 15 ? '\n' : ' ');
    out += pair;
  }
  return out;
}

template <typename Struct>
std::string WireBytes(const Struct& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

// The trace of docs/FORMAT.md: a session, six bytes of memory, one command.
std::string WriteExample() {
  std::string out;
  TraceWriterOptions options = QuietOptions();
  options.zstd_level = 0;
  TraceWriter writer(std::make_unique<StringTraceFile>(&out), options);
  proto::Packet session;
  session.mutable_session()->set_format_version(1);
  session.mutable_session()->set_producer("doc");
  session.mutable_session()->set_source(proto::SOURCE_DEVICE);
  EXPECT_TRUE(writer.Write(session));
  const auto blobs = writer.StoreContent(AsBytes("pixels"));
  EXPECT_TRUE(blobs);
  EXPECT_TRUE(writer.Write(MemoryPacket(5, *blobs, 6)));
  wire::CtrlHeader request;
  request.type = static_cast<uint32_t>(CommandType::TRANSFER_TO_HOST_2D);
  wire::CtrlHeader response;
  response.type = 0x1100;
  proto::Packet command;
  command.mutable_command()->set_request(WireBytes(request));
  command.mutable_command()->set_response(WireBytes(response));
  command.mutable_command()->set_begin_ns(1000);
  command.mutable_command()->set_end_ns(1500);
  EXPECT_TRUE(writer.Write(command));
  EXPECT_TRUE(writer.Close());
  return out;
}

TEST(Golden, TheWriterWritesThePinnedBytes) {
  const std::string golden = FromHex(ReadText(kRoot / "tests/format/trace/golden/example.hex"));
  EXPECT_EQ(ToHex(WriteExample()), ToHex(golden));
}

TEST(Golden, TheReaderReadsThePinnedBytes) {
  const MemoryFile file(FromHex(ReadText(kRoot / "tests/format/trace/golden/example.hex")));
  const auto reader = TraceReader::Open(file.path());
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_TRUE((*reader)->summary().has_index);
  EXPECT_EQ((*reader)->session().producer(), "doc");
  EXPECT_EQ(ReadAll(**reader).size(), 4u);
  const auto blob = (*reader)->Blob(0);
  ASSERT_TRUE(blob);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(blob->data()), blob->size()), "pixels");
  EXPECT_THAT((*reader)->summary().damage, testing::IsEmpty());
}

TEST(Golden, TheSpecificationExplainsThePinnedBytes) {
  EXPECT_THAT(ReadText(kRoot / "docs/FORMAT.md"),
              HasSubstr(ReadText(kRoot / "tests/format/trace/golden/example.hex")));
}

// What stock protobuf tools make of `input`.
std::string Decode(const std::string& message, const std::string& input) {
  const TemporaryFolder folder;
  std::ofstream(folder / "in") << input;
  const std::string command = std::string(VGPU_PROTOC) + " --decode=" + message + " -I " +
                              kRoot.string() + " format/trace/trace.proto < " +
                              (folder / "in").string() + " > " + (folder / "out").string();
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return ReadText(folder / "out");
}

size_t Count(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(StockTools, DecodeAWholeFile) {
  for (const int level : {0, 1}) {
    const std::string text = Decode("vgpu.Trace", SmallTrace(5, level));
    EXPECT_EQ(Count(text, "chunk {\n  sync: "), 6u);
    EXPECT_EQ(Count(text, "  codec: CODEC_ZSTD"), level == 0 ? 0u : 6u);
    EXPECT_EQ(Count(text, "  index_offset: "), 1u);
    EXPECT_THAT(text, HasSubstr("    first_command: 8\n    commands: 2\n"));
  }
}

TEST(StockTools, DecodeEachUnpackedPayload) {
  const std::string trace = SmallTrace(5);
  const auto starts = ChunkStarts(trace);
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    const std::string chunk = trace.substr(starts[i], starts[i + 1] - starts[i]);
    const HeadCheck check = CheckHead(AsBytes(chunk), chunk.size());
    ASSERT_EQ(check.state, HeadCheck::State::kWhole);
    RawBytes stored = RawBytes::Make(check.head.payload_size);
    std::memcpy(stored.data.get(), chunk.data() + check.head.payload_offset, stored.size);
    const auto raw = PayloadDecoder().Decode(check.head, std::move(stored));
    ASSERT_TRUE(raw);
    const std::string text =
        Decode("vgpu.proto.Packets", {reinterpret_cast<const char*>(raw->data.get()), raw->size});
    const bool closing = i + 2 == starts.size();
    EXPECT_EQ(Count(text, "request: \"second\""), closing ? 0u : 1u);
    EXPECT_EQ(Count(text, "  index {\n"), closing ? 1u : 0u);
    EXPECT_EQ(Count(text, "  session {\n"), i == 0 ? 1u : 0u);
  }
}

}  // namespace
}  // namespace vgpu
