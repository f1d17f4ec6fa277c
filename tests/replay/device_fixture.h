// A device on a renderer that writes down what it is asked to do.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "replay/device/device.h"

namespace vgpu {

// Answers `result` to everything that has an answer, and keeps each call as a line of text.
class FakeRenderer : public Renderer {
 public:
  std::vector<std::string> calls;
  int result = 0;
  std::optional<int> transfer_result;  // of transfers to the host, in place of `result`
  std::vector<FenceId> fences;
  std::vector<uint32_t> submitted;    // dwords of the last Submit
  std::vector<std::byte> own_memory;  // what a transfer to the host had in memory of its own
  std::vector<std::byte> blob = std::vector<std::byte>(8192);
  std::byte fill{0};  // what a transfer from the host writes into its own memory

  RendererInfo Info() const override { return {"fake", "", "", "", "", ""}; }
  CapsetInfo GetCapset(uint32_t id) override {
    Note("GetCapset {}", id);
    return id == 1 || id == 2 ? CapsetInfo{id, id, 16 * id} : CapsetInfo{id, 0, 0};
  }
  std::vector<std::byte> FillCapset(uint32_t id, uint32_t version) override {
    Note("FillCapset {} {}", id, version);
    return std::vector<std::byte>(16 * id, std::byte{7});
  }
  void ForceContext0() override { Note("ForceContext0"); }
  int CreateContext(uint32_t ctx, uint32_t init, const std::string& name) override {
    return Note("CreateContext {} init {} '{}'", ctx, init, name);
  }
  void DestroyContext(uint32_t ctx) override { Note("DestroyContext {}", ctx); }
  int CreateResource(uint32_t id, const ResourceShape& s) override {
    return Note(
        "CreateResource {} target {} format {} bind {} {}x{}x{} array {} last_level {} "
        "samples {} flags {}",
        id, s.target, s.format, s.bind, s.width, s.height, s.depth, s.array_size, s.last_level,
        s.nr_samples, s.flags);
  }
  void UnrefResource(uint32_t id) override { Note("UnrefResource {}", id); }
  int AttachBacking(uint32_t id, std::span<iovec> entries) override {
    std::string lengths;
    for (const iovec& entry : entries) lengths += fmt::format(" {}", entry.iov_len);
    return Note("AttachBacking {}{}", id, lengths);
  }
  void DetachBacking(uint32_t id) override { Note("DetachBacking {}", id); }
  void AttachResource(uint32_t ctx, uint32_t id) override { Note("AttachResource {} {}", ctx, id); }
  void DetachResource(uint32_t ctx, uint32_t id) override { Note("DetachResource {} {}", ctx, id); }
  int Submit(uint32_t ctx, std::span<uint32_t> dwords) override {
    submitted.assign(dwords.begin(), dwords.end());
    return Note("Submit {} {} dwords", ctx, dwords.size());
  }
  int TransferToHost(uint32_t id, uint32_t ctx, const Transfer& t, std::span<iovec> iov) override {
    own_memory.clear();
    for (const iovec& entry : iov) {
      const auto* begin = static_cast<const std::byte*>(entry.iov_base);
      own_memory.insert(own_memory.end(), begin, begin + entry.iov_len);
    }
    const int answer = NoteTransfer("TransferToHost", id, ctx, t, iov);
    return transfer_result.value_or(answer);
  }
  int TransferFromHost(uint32_t id, uint32_t ctx, const Transfer& t,
                       std::span<iovec> iov) override {
    for (const iovec& entry : iov) {
      std::memset(entry.iov_base, std::to_integer<int>(fill), entry.iov_len);
    }
    return NoteTransfer("TransferFromHost", id, ctx, t, iov);
  }
  int CreateBlob(const wire::ResourceCreateBlob& r, uint32_t ctx,
                 std::span<iovec> entries) override {
    return Note("CreateBlob {} ctx {} mem {} size {} entries {}", uint32_t{r.resource_id}, ctx,
                uint32_t{r.blob_mem}, uint64_t{r.size}, entries.size());
  }
  int MapBlob(uint32_t id, std::span<std::byte>& out) override {
    out = blob;
    return Note("MapBlob {}", id);
  }
  int UnmapBlob(uint32_t id) override { return Note("UnmapBlob {}", id); }
  int MapInfo(uint32_t id, uint32_t& out) override {
    out = 3;
    return Note("MapInfo {}", id);
  }
  // A new memfd of the blob's size that holds nothing.
  int ExportBlob(uint32_t id, int& fd) override {
    if (result == 0) fd = memfd_create("blob", MFD_CLOEXEC);
    return Note("ExportBlob {}", id);
  }
  int ExportTexture(uint32_t id, TextureExport& out) override {
    if (result == 0) out = {.fd = memfd_create("texture", MFD_CLOEXEC)};
    return Note("ExportTexture {}", id);
  }
  int CreateFence(const FenceId& fence) override {
    fences.push_back(fence);
    return Note("CreateFence {}", fence.id);
  }
  void PollFences(int) override {}
  int FenceDescriptor() const override { return -1; }
  void Reset() override { Note("Reset"); }

 private:
  template <typename... Args>
  int Note(fmt::format_string<Args...> format, Args&&... args) {
    calls.push_back(fmt::format(format, std::forward<Args>(args)...));
    return result;
  }
  int NoteTransfer(const char* name, uint32_t id, uint32_t ctx, const Transfer& t,
                   std::span<iovec> iov) {
    return Note("{} {} ctx {} level {} stride {}/{} box {},{},{} {}x{}x{} offset {}{}", name, id,
                ctx, t.level, t.stride, t.layer_stride, t.x, t.y, t.z, t.w, t.h, t.d, t.offset,
                iov.empty() ? "" : " own memory");
  }
};

// A request on the wire: its struct, then what follows it.
class Request {
 public:
  template <typename Struct>
  Request(CommandType type, Struct value) {  // NOLINT: a request is its struct
    value.hdr.type = static_cast<uint32_t>(type);
    const Bytes bytes = StructBytes(value);
    bytes_.assign(bytes.begin(), bytes.end());
  }
  explicit Request(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  Request& On(uint32_t ctx_id) {
    Header([&](wire::CtrlHeader& header) { header.ctx_id = ctx_id; });
    return *this;
  }
  Request& Fenced(uint64_t id) {
    Header([&](wire::CtrlHeader& header) {
      header.flags = header.flags | kFlagFence;
      header.fence_id = id;
    });
    return *this;
  }
  Request& OnRing(uint8_t ring) {
    Header([&](wire::CtrlHeader& header) {
      header.flags = header.flags | kFlagInfoRingIdx;
      header.ring_idx = ring;
    });
    return *this;
  }
  Request& Followed(Bytes bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }

  Bytes bytes() const { return bytes_; }

 private:
  template <typename Change>
  void Header(const Change& change) {
    wire::CtrlHeader header;
    std::memcpy(&header, bytes_.data(), sizeof(header));
    change(header);
    std::memcpy(bytes_.data(), &header, sizeof(header));
  }

  std::vector<std::byte> bytes_;
};

// What tests say of each command, as short as it goes.
namespace ask {

inline Request ForResource(CommandType type, uint32_t id) {
  wire::ResourceRequest request;
  request.resource_id = id;
  return {type, request};
}
inline Request Create2d(uint32_t id, uint32_t width, uint32_t height, uint32_t format = 1) {
  wire::ResourceCreate2d request;
  request.resource_id = id;
  request.format = format;
  request.width = width;
  request.height = height;
  return {CommandType::RESOURCE_CREATE_2D, request};
}
inline wire::ResourceCreate3d Shape3d(uint32_t id, uint32_t target, uint32_t width,
                                      uint32_t height) {
  wire::ResourceCreate3d request;
  request.resource_id = id;
  request.target = target;
  request.format = target == 0 ? 64 : 1;
  request.bind = target == 0 ? 0x10 : 0x0a;
  request.width = width;
  request.height = height;
  request.depth = 1;
  request.array_size = 1;
  return request;
}
inline Request Create3d(uint32_t id, uint32_t target, uint32_t width, uint32_t height) {
  return {CommandType::RESOURCE_CREATE_3D, Shape3d(id, target, width, height)};
}
inline Request Unref(uint32_t id) { return ForResource(CommandType::RESOURCE_UNREF, id); }

inline std::vector<std::byte> Entries(std::initializer_list<uint32_t> lengths) {
  std::vector<std::byte> bytes;
  for (const uint32_t length : lengths) {
    wire::MemEntry entry;
    entry.addr = 0xdead0000;
    entry.length = length;
    const Bytes one = StructBytes(entry);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  return bytes;
}
inline Request Attach(uint32_t id, std::initializer_list<uint32_t> lengths) {
  wire::AttachBacking request;
  request.resource_id = id;
  request.nr_entries = static_cast<uint32_t>(lengths.size());
  return Request(CommandType::RESOURCE_ATTACH_BACKING, request).Followed(Entries(lengths));
}
inline Request Detach(uint32_t id) { return ForResource(CommandType::RESOURCE_DETACH_BACKING, id); }

inline Request CreateContext(uint32_t ctx, const char* name = "test", uint32_t init = 0) {
  wire::CtxCreate request;
  request.nlen = static_cast<uint32_t>(std::strlen(name));
  request.context_init = init;
  std::memcpy(request.debug_name, name, std::min<std::size_t>(request.nlen, 64));
  return Request(CommandType::CTX_CREATE, request).On(ctx);
}
inline Request DestroyContext(uint32_t ctx) {
  return Request(CommandType::CTX_DESTROY, wire::HeaderOnly()).On(ctx);
}
inline Request AttachToContext(uint32_t ctx, uint32_t id) {
  return ForResource(CommandType::CTX_ATTACH_RESOURCE, id).On(ctx);
}
inline Request Submit(uint32_t ctx, const std::vector<uint32_t>& dwords) {
  wire::Submit3d request;
  request.size = static_cast<uint32_t>(dwords.size() * 4);
  return Request(CommandType::SUBMIT_3D, request)
      .On(ctx)
      .Followed(std::as_bytes(std::span(dwords)));
}
inline Request ToHost2d(uint32_t id, wire::Rect rect, uint64_t offset = 0) {
  wire::TransferToHost2d request;
  request.resource_id = id;
  request.rect = rect;
  request.offset = offset;
  return {CommandType::TRANSFER_TO_HOST_2D, request};
}
inline wire::TransferHost3d Transfer3d(uint32_t id, wire::Box box) {
  wire::TransferHost3d request;
  request.resource_id = id;
  request.box = box;
  return request;
}
inline Request ToHost3d(uint32_t ctx, const wire::TransferHost3d& transfer) {
  return Request(CommandType::TRANSFER_TO_HOST_3D, transfer).On(ctx);
}
inline Request FromHost3d(uint32_t ctx, const wire::TransferHost3d& transfer) {
  return Request(CommandType::TRANSFER_FROM_HOST_3D, transfer).On(ctx);
}
inline Request SetScanout(uint32_t scanout, uint32_t id, wire::Rect rect) {
  wire::SetScanout request;
  request.scanout_id = scanout;
  request.resource_id = id;
  request.rect = rect;
  return {CommandType::SET_SCANOUT, request};
}
inline Request Flush(uint32_t id) {
  wire::ResourceFlush request;
  request.resource_id = id;
  return {CommandType::RESOURCE_FLUSH, request};
}
inline wire::ResourceCreateBlob Blob(uint32_t id, uint32_t memory, uint64_t size) {
  wire::ResourceCreateBlob request;
  request.resource_id = id;
  request.blob_mem = memory;
  request.blob_flags = kBlobFlagMappable;
  request.blob_id = 77;
  request.size = size;
  return request;
}
inline Request CreateBlob(uint32_t ctx, wire::ResourceCreateBlob blob,
                          std::initializer_list<uint32_t> lengths = {}) {
  blob.nr_entries = static_cast<uint32_t>(lengths.size());
  return Request(CommandType::RESOURCE_CREATE_BLOB, blob).On(ctx).Followed(Entries(lengths));
}
inline Request MapBlob(uint32_t id, uint64_t offset) {
  wire::ResourceMapBlob request;
  request.resource_id = id;
  request.offset = offset;
  return {CommandType::RESOURCE_MAP_BLOB, request};
}
inline Request UpdateCursor(uint32_t scanout, uint32_t id, uint32_t x, uint32_t y,
                            CommandType type = CommandType::UPDATE_CURSOR) {
  wire::UpdateCursor request;
  request.pos.scanout_id = scanout;
  request.pos.x = x;
  request.pos.y = y;
  request.resource_id = id;
  request.hot_x = 1;
  request.hot_y = 2;
  return {type, request};
}

}  // namespace ask

inline std::string NameOfResponse(uint32_t type) {
  return std::string(ResponseName(type).value_or("unknown"));
}

inline Queue QueueOf(const Request& request) {
  const auto header = ReadStruct<wire::CtrlHeader>(request.bytes());
  const CommandInfo* info = header ? FindCommand(header->type) : nullptr;
  return info != nullptr ? info->queue : Queue::kControl;
}

class DeviceTest : public ::testing::Test {
 protected:
  DeviceTest() { MakeDevice({}); }

  void MakeDevice(const DeviceOptions& options) { device_.emplace(renderer_, options); }

  // The whole response.
  std::vector<std::byte> Execute(const Request& request,
                                 std::span<const MemoryUpdate> memory = {}) {
    Command command;
    command.queue = QueueOf(request);
    command.request = request.bytes();
    command.memory = memory;
    auto response = device_->Execute(command);
    EXPECT_TRUE(response) << response.error().message;
    return response ? response->bytes : std::vector<std::byte>(sizeof(wire::CtrlHeader));
  }
  // The response's name.
  std::string Answer(const Request& request, std::span<const MemoryUpdate> memory = {}) {
    return NameOfResponse(ReadStruct<wire::CtrlHeader>(Execute(request, memory))->type);
  }
  // The calls that a command makes.
  std::vector<std::string> CallsOf(const Request& request,
                                   std::span<const MemoryUpdate> memory = {}) {
    renderer_.calls.clear();
    EXPECT_EQ(Answer(request, memory).substr(0, 3), "OK_");
    return renderer_.calls;
  }

  FakeRenderer renderer_;
  std::optional<Device> device_;
};

}  // namespace vgpu
