// Traces made in a test: the least sequence that draws, checks and presents something.
#pragma once

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <functional>

#include "format/protocol/content_hash.h"
#include "format/trace/trace_writer.h"
#include "format/trace/version.h"
#include "tests/replay/device_fixture.h"

namespace vgpu {

// Gone with the test.
class PlayerFolder {
 public:
  PlayerFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "vgpu-replay-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~PlayerFolder() { std::filesystem::remove_all(path_); }
  PlayerFolder(const PlayerFolder&) = delete;
  PlayerFolder& operator=(const PlayerFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline constexpr uint32_t kTestSide = 16;  // of the one resource, in pixels
inline constexpr uint32_t kTestContext = 1;
inline constexpr uint32_t kTestResource = 1;

// Appends packets with numbers that go up. Every step succeeds or fails the test.
class PlayerTrace {
 public:
  explicit PlayerTrace(const std::filesystem::path& path,
                       const std::function<void(proto::Session&)>& tell = {}) {
    auto writer = TraceWriter::Create(path, {});
    EXPECT_TRUE(writer.has_value()) << (writer ? "" : writer.error().message);
    writer_ = std::move(*writer);
    proto::Packet packet;
    packet.mutable_session()->set_format_version(kFormatVersion);
    packet.mutable_session()->set_producer("test");
    packet.mutable_session()->set_source(proto::SOURCE_SHIM_VTEST);
    if (tell) tell(*packet.mutable_session());
    Write(packet);
  }
  ~PlayerTrace() { Close(); }

  void Close() {
    if (closed_) return;
    closed_ = true;
    EXPECT_TRUE(writer_->Close().has_value());
  }

  void Write(const proto::Packet& packet) {
    const auto status = writer_->Write(packet);
    EXPECT_TRUE(status.has_value()) << (status ? "" : status.error().message);
  }

  uint64_t command_ns = 1'000'000;  // from one command to the next

  // Returns the command's number.
  uint64_t Add(const Request& request, ResponseType response = ResponseType::OK_NODATA) {
    wire::CtrlHeader header;
    header.type = static_cast<uint32_t>(response);
    return AddAnswered(request, StructBytes(header));
  }
  uint64_t AddAnswered(const Request& request, Bytes response) {
    proto::Packet packet;
    auto& command = *packet.mutable_command();
    command.set_number(next_command_);
    command.set_queue(static_cast<uint32_t>(QueueOf(request)));
    command.set_request(request.bytes().data(), request.bytes().size());
    if (response.empty()) {
      command.set_unanswered(true);
    } else {
      command.set_response(response.data(), response.size());
    }
    command.set_begin_ns(command_ns * next_command_);
    command.set_end_ns(command_ns * next_command_ + command_ns / 2);
    Write(packet);
    return next_command_++;
  }

  void AddMemory(uint32_t resource, const ByteBox& box, Bytes bytes, bool transient = false) {
    const auto blobs = writer_->StoreContent(bytes);
    ASSERT_TRUE(blobs.has_value());
    proto::Packet packet;
    auto& memory = *packet.mutable_memory();
    memory.set_resource_id(resource);
    memory.set_transient(transient);
    SetBox(box, *memory.mutable_box());
    for (const uint64_t id : *blobs) memory.add_blob(id);
    Write(packet);
  }

  void AddReadback(uint32_t resource, const ByteBox& box, const Digest& digest) {
    proto::Packet packet;
    auto& readback = *packet.mutable_readback();
    readback.set_command(next_command_ - 1);
    readback.set_resource_id(resource);
    SetBox(box, *readback.mutable_box());
    readback.set_digest(digest.data(), digest.size());
    Write(packet);
  }

  void AddFeatures(uint64_t bits) {
    proto::Packet packet;
    packet.mutable_features()->set_bits(bits);
    Write(packet);
  }

  void AddGuestMemory(std::initializer_list<GuestRegion> regions) {
    proto::Packet packet;
    packet.mutable_guest_memory();
    for (const GuestRegion& from : regions) {
      auto& region = *packet.mutable_guest_memory()->add_region();
      region.set_guest_address(from.address);
      region.set_size(from.size);
    }
    Write(packet);
  }

  void AddFence(uint64_t id) {
    proto::Packet packet;
    packet.mutable_fence()->set_id(id);
    Write(packet);
  }

  // A frame of the whole test resource; `digest` null: unchecked; `picture` empty: not kept.
  void AddFrame(const Digest* digest, Bytes picture = {}, uint32_t scanout = 0) {
    proto::Packet packet;
    auto& frame = *packet.mutable_frame();
    frame.set_number(next_frame_++);
    frame.set_command(next_command_ - 1);
    frame.set_scanout(scanout);
    frame.set_resource_id(kTestResource);
    frame.set_width(kTestSide);
    frame.set_height(kTestSide);
    frame.set_format(1);
    frame.set_time_ns(command_ns * next_command_);
    if (digest != nullptr) frame.set_digest(digest->data(), digest->size());
    if (!picture.empty()) {
      const auto blobs = writer_->StoreContent(picture);
      ASSERT_TRUE(blobs.has_value());
      for (const uint64_t id : *blobs) frame.add_picture(id);
    }
    Write(packet);
  }

 private:
  static void SetBox(const ByteBox& box, proto::ByteBox& out) {
    out.set_offset(box.offset);
    out.set_row_bytes(box.row_bytes);
    out.set_rows(box.rows);
    out.set_row_stride(box.row_stride);
    out.set_layers(box.layers);
    out.set_layer_stride(box.layer_stride);
  }

  std::unique_ptr<TraceWriter> writer_;
  uint64_t next_command_ = 0;
  uint64_t next_frame_ = 0;
  bool closed_ = false;
};

// The virgl stream that binds a surface of the test resource and clears it (VIRTIO_GPU.md 7).
inline std::vector<uint32_t> ClearStream(float red, float green, float blue, bool first) {
  const auto bits = [](float value) {
    uint32_t out;
    std::memcpy(&out, &value, sizeof(out));
    return out;
  };
  constexpr uint32_t kSurface = 8, kHandle = 100;
  std::vector<uint32_t> stream;
  if (first) {
    stream = {29 | 1 << 16,
              1,  // CREATE_SUB_CTX
              28 | 1 << 16,
              1,  // SET_SUB_CTX
              1 | kSurface << 8 | 5 << 16,
              kHandle,
              kTestResource,
              1,
              0,
              0,
              5 | 3 << 16,
              1,
              0,
              kHandle};  // SET_FRAMEBUFFER_STATE
  }
  for (const uint32_t word :
       {7u | 8 << 16, 4u, bits(red), bits(green), bits(blue), bits(1), 0u, 0u, 0u}) {
    stream.push_back(word);  // CLEAR colour 0
  }
  return stream;
}

inline std::vector<std::byte> SolidPixels(uint8_t blue, uint8_t green, uint8_t red) {
  std::vector<std::byte> pixels;
  for (uint32_t i = 0; i < kTestSide * kTestSide; ++i) {
    for (const uint8_t byte : {blue, green, red, uint8_t{255}}) pixels.push_back(std::byte{byte});
  }
  return pixels;
}

inline constexpr uint32_t kTestBytes = kTestSide * kTestSide * 4;
inline const ByteBox kWholeBox{.offset = 0, .row_bytes = kTestBytes};

// Context, resource, backing.
inline void AddSetup(PlayerTrace& trace) {
  trace.Add(ask::CreateContext(kTestContext));
  trace.Add(ask::Create3d(kTestResource, 2, kTestSide, kTestSide));
  trace.Add(ask::AttachToContext(kTestContext, kTestResource));
  trace.Add(ask::Attach(kTestResource, {kTestBytes}));
}

inline Request ReadBackAll() {
  wire::Box box;
  box.w = box.h = kTestSide;
  box.d = 1;
  return ask::FromHost3d(kTestContext, ask::Transfer3d(kTestResource, box));
}

// One frame as a vtest client makes it: clear, read back, present. `expected`: what the recording
// says that the guest got.
inline void AddClearedFrame(PlayerTrace& trace, bool first, float red,
                            const std::vector<std::byte>& expected, bool keep_picture = false) {
  trace.Add(ask::Submit(kTestContext, ClearStream(red, 0.2f, 0, first)));
  trace.Add(ReadBackAll());
  const Digest digest = HashOf(expected);
  trace.AddReadback(kTestResource, kWholeBox, digest);
  trace.AddFrame(&digest, keep_picture ? Bytes(expected) : Bytes());
}

}  // namespace vgpu
