#include "tests/format/trace/trace_builder.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "format/trace/chunk_codec.h"
#include "format/trace/payload_builder.h"
#include "format/trace/range_tracker.h"
#include "format/trace/version.h"

namespace vgpu {

MemoryFile::MemoryFile(const std::string& content) : fd_(memfd_create("trace", MFD_CLOEXEC)) {
  Set(content);
}

MemoryFile::~MemoryFile() { close(fd_); }

std::filesystem::path MemoryFile::path() const { return "/proc/self/fd/" + std::to_string(fd_); }

std::string MemoryFile::content() const {
  std::string out(static_cast<size_t>(lseek(fd_, 0, SEEK_END)), '\0');
  EXPECT_EQ(pread(fd_, out.data(), out.size(), 0), static_cast<ssize_t>(out.size()));
  return out;
}

void MemoryFile::Set(const std::string& content) {
  EXPECT_EQ(ftruncate(fd_, static_cast<off_t>(content.size())), 0);
  EXPECT_EQ(pwrite(fd_, content.data(), content.size(), 0), static_cast<ssize_t>(content.size()));
}

void MemoryFile::Put(uint64_t offset, char byte) {
  EXPECT_EQ(pwrite(fd_, &byte, 1, static_cast<off_t>(offset)), 1);
}

TemporaryFolder::TemporaryFolder() {
  std::string name = testing::TempDir() + "trace-XXXXXX";
  path_ = mkdtemp(name.data());
}

TemporaryFolder::~TemporaryFolder() { std::filesystem::remove_all(path_); }

Status StringTraceFile::Append(Bytes bytes) {
  const uint64_t room = fail_at_ - std::min<uint64_t>(fail_at_, content_->size());
  const uint64_t taken = std::min<uint64_t>(room, bytes.size());
  content_->append(reinterpret_cast<const char*>(bytes.data()), taken);
  if (taken == bytes.size()) return {};
  return MakeError(ErrorCode::kFailed, "no space is left");
}

Status StringTraceFile::Truncate(uint64_t size) {
  content_->resize(size);
  return {};
}

Bytes AsBytes(const std::string& text) { return std::as_bytes(std::span(text)); }

proto::Packet SessionPacket() {
  proto::Packet packet;
  auto& session = *packet.mutable_session();
  session.set_format_version(kFormatVersion);
  session.set_producer("test");
  session.set_source(proto::SOURCE_SHIM_VTEST);
  return packet;
}

proto::Packet CommandPacket(uint64_t number, const std::string& request) {
  proto::Packet packet;
  auto& command = *packet.mutable_command();
  command.set_number(number);
  command.set_request(request);
  command.set_response("response");
  command.set_begin_ns(1000 + 10 * number);
  command.set_end_ns(1005 + 10 * number);
  return packet;
}

proto::Packet FramePacket(uint64_t number, uint64_t command) {
  proto::Packet packet;
  auto& frame = *packet.mutable_frame();
  frame.set_number(number);
  frame.set_command(command);
  frame.set_width(300);
  frame.set_height(300);
  frame.set_digest(std::string(16, 'd'));
  frame.set_time_ns(1009 + 10 * command);
  return packet;
}

proto::Packet MemoryPacket(uint32_t resource_id, const std::vector<uint64_t>& blobs,
                           uint64_t bytes) {
  proto::Packet packet;
  auto& memory = *packet.mutable_memory();
  memory.set_resource_id(resource_id);
  memory.mutable_blob()->Add(blobs.begin(), blobs.end());
  memory.mutable_box()->set_row_bytes(bytes);
  return packet;
}

std::vector<proto::Packet> OtherPackets() {
  std::vector<proto::Packet> packets(13);
  packets[0].mutable_fence()->set_id(uint64_t{1} << 40);
  packets[1].mutable_heap_event()->add_place()->set_offset(uint64_t{5} << 32);
  packets[2].mutable_marker()->set_text("here");
  packets[3].mutable_loss()->set_reason("the ring was full");
  packets[4].mutable_end()->set_signal(9);
  packets[5].mutable_readback()->set_digest(std::string(16, 'r'));
  packets[6].mutable_heap()->set_name("memfd:pc.ram");
  packets[7].mutable_gl()->set_vendor("vendor");
  packets[8].mutable_capset()->set_data(std::string(300, 'c'));
  packets[9].mutable_features()->set_bits(uint64_t{1} << 32);
  packets[10].mutable_display()->set_edid(std::string(128, 'e'));
  packets[11].mutable_guest_memory()->add_region()->set_guest_address(uint64_t{5} << 32);
  packets[12].mutable_dedicated_heap()->set_size(uint64_t{1} << 32);
  return packets;
}

TraceWriterOptions QuietOptions() {
  TraceWriterOptions options;
  options.flush_interval_ns = UINT64_MAX;
  return options;
}

std::string SmallTrace(int chunks, int zstd_level) {
  std::string out;
  TraceWriterOptions options = QuietOptions();
  options.zstd_level = zstd_level;
  TraceWriter writer(std::make_unique<StringTraceFile>(&out), options);
  EXPECT_TRUE(writer.Write(SessionPacket()));
  for (uint64_t i = 0; i < static_cast<uint64_t>(chunks); ++i) {
    const std::string content = "content " + std::to_string(i) + std::string(40, '.');
    const auto blobs = writer.StoreContent(AsBytes(content));
    EXPECT_TRUE(blobs);
    EXPECT_TRUE(writer.Write(MemoryPacket(7, *blobs, content.size())));
    EXPECT_TRUE(writer.Write(CommandPacket(2 * i, "first")));
    EXPECT_TRUE(writer.Write(CommandPacket(2 * i + 1, "second")));
    EXPECT_TRUE(writer.Write(FramePacket(i, 2 * i + 1)));
    EXPECT_TRUE(writer.Flush());
  }
  EXPECT_TRUE(writer.Close());
  return out;
}

std::string ChunkOf(const std::string& payload, const proto::Range& range) {
  ChunkEncoder encoder(1);
  const auto chunk = encoder.Encode(AsBytes(payload), range, std::nullopt);
  EXPECT_TRUE(chunk);
  return {reinterpret_cast<const char*>(chunk->data()), chunk->size()};
}

std::string ChunkOf(const std::vector<proto::Packet>& packets) {
  RangeTracker tracker;
  proto::Packets payload;
  for (const auto& packet : packets) {
    tracker.Add(packet);
    *payload.add_packet() = packet;
  }
  return ChunkOf(payload.SerializeAsString(), tracker.Finish());
}

std::vector<size_t> ChunkStarts(const std::string& trace) {
  const std::string marker(kSyncMarker.begin(), kSyncMarker.end());
  std::vector<size_t> starts;
  for (size_t at = trace.find(marker); at != trace.npos; at = trace.find(marker, at + 1)) {
    starts.push_back(at - kSyncOffset);
  }
  starts.push_back(trace.size());
  return starts;
}

std::vector<std::string> ReadAll(TraceReader& reader) {
  std::vector<std::string> packets;
  while (true) {
    const auto packet = reader.Next();
    EXPECT_TRUE(packet);
    if (!packet || *packet == nullptr) return packets;
    packets.push_back((*packet)->SerializeAsString());
  }
}

}  // namespace vgpu
