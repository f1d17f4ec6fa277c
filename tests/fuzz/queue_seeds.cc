// Seeds of fuzz_queue: queue_seeds SAMPLES_DIR OUT_DIR.
//
// Each recording's first control requests as steps of the target: backing entries are put into its
// guest memory, what is too large for its requests is left out. And short stories, so that what
// needs a few steps in order is reached.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "format/protocol/decode.h"
#include "format/trace/trace_reader.h"
#include "tests/fuzz/queue_steps.h"

namespace vgpu::fuzz {
namespace {

constexpr char kWith = 3;      // a recorder and a window
constexpr char kWithHeap = 5;  // a recorder and a dedicated heap
constexpr std::size_t kSeedBytes = 48u << 10;

std::string Placed(std::string request) {
  const auto decoded = DecodeRequest(std::as_bytes(std::span(request)));
  if (!decoded || decoded->info->trailing != Trailing::kMemEntries) return request;
  uint64_t page = 0;
  for (std::size_t at = decoded->fixed.size(); at + sizeof(wire::MemEntry) <= request.size();
       at += sizeof(wire::MemEntry)) {
    const le64 address = test::kGuestBase + page++ % 64 * kPageBytes;
    std::memcpy(request.data() + at, &address, sizeof(address));
  }
  return request;
}

std::string Step(std::string_view name, std::string takes = {}) {
  return static_cast<char>(NumberOfStep(name)) + takes;
}

std::string RawStep(const std::string& request) {
  std::string size = {static_cast<char>(request.size() & 0xff),
                      static_cast<char>(request.size() >> 8)};
  return Step("Raw", size + request + '\0');
}

bool WriteSeed(const std::filesystem::path& sample, const std::filesystem::path& out) {
  const auto reader = TraceReader::Open(sample);
  if (!reader) return false;
  std::string seed;
  while (seed.size() < kSeedBytes) {
    const auto packet = (*reader)->Next();
    if (!packet) return false;
    if (*packet == nullptr) break;
    if (!(*packet)->has_command()) continue;
    const std::string request = Placed((*packet)->command().request());
    if (request.size() <= kRequestRoom) seed += RawStep(request);
  }
  std::ofstream(out / sample.stem(), std::ios::binary) << kWith << seed;
  return true;
}

template <typename Struct>
std::string Text(const Struct& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

// Fenced, in context 1.
template <typename Struct>
std::string Ask(CommandType type, Struct request, const std::string& trailing = {}) {
  request.hdr = {static_cast<uint32_t>(type), kFlagFence, uint64_t{7}, uint32_t{1}, 0, {}};
  return RawStep(Text(request) + trailing);
}

std::string Entry(uint32_t page, uint32_t bytes) {
  return Text(wire::MemEntry{test::kGuestBase + page * kPageBytes, bytes, {}});
}

std::string Picture() {
  return Ask(CommandType::RESOURCE_CREATE_2D,
             wire::ResourceCreate2d{{}, uint32_t{1}, uint32_t{1}, uint32_t{64}, uint32_t{64}}) +
         Ask(CommandType::RESOURCE_ATTACH_BACKING,
             wire::AttachBacking{{}, uint32_t{1}, uint32_t{2}}, Entry(4, 8192) + Entry(9, 8192));
}

std::string Shown() {
  const wire::Rect whole = {uint32_t{0}, uint32_t{0}, uint32_t{64}, uint32_t{64}};
  return Ask(CommandType::SET_SCANOUT, wire::SetScanout{{}, whole, {}, uint32_t{1}}) +
         Ask(CommandType::TRANSFER_TO_HOST_2D,
             wire::TransferToHost2d{{}, whole, {}, uint32_t{1}, {}}) +
         Ask(CommandType::RESOURCE_FLUSH, wire::ResourceFlush{{}, whole, uint32_t{1}, {}});
}

std::string Cursor() {
  const wire::UpdateCursor cursor = {{}, {}, uint32_t{1}, uint32_t{3}, uint32_t{3}, {}};
  return Ask(CommandType::UPDATE_CURSOR, cursor) + Ask(CommandType::MOVE_CURSOR, cursor);
}

std::string Blob() {
  const wire::Rect whole = {uint32_t{0}, uint32_t{0}, uint32_t{64}, uint32_t{64}};
  wire::SetScanoutBlob shown{{},           whole,       {}, uint32_t{1}, uint32_t{64},
                             uint32_t{64}, uint32_t{2}, {}, {},          {}};
  shown.strides[0] = uint32_t{256};
  return Ask(CommandType::RESOURCE_CREATE_BLOB,
             wire::ResourceCreateBlob{{},
                                      uint32_t{1},
                                      kBlobMemGuest,
                                      kBlobFlagMappable,
                                      uint32_t{1},
                                      {},
                                      uint64_t{16384}},
             Entry(2, 16384)) +
         Ask(CommandType::SET_SCANOUT_BLOB, shown) +
         Ask(CommandType::RESOURCE_FLUSH, wire::ResourceFlush{{}, whole, uint32_t{1}, {}}) +
         Ask(CommandType::RESOURCE_MAP_BLOB, wire::ResourceMapBlob{{}, uint32_t{1}, {}, {}}) +
         Ask(CommandType::RESOURCE_UNMAP_BLOB, wire::ResourceRequest{{}, uint32_t{1}, {}});
}

std::string Drawing() {
  const uint32_t stream[] = {0, 29 | 1 << 16, 1, 28 | 1 << 16, 1};  // NOP, CREATE_ and SET_SUB_CTX
  wire::ResourceCreate3d texture;
  texture.resource_id = 2, texture.target = 2, texture.format = 1, texture.bind = 10;
  texture.width = texture.height = 32, texture.depth = texture.array_size = 1;
  wire::ResourceCreate3d staging = texture;
  staging.resource_id = 3, staging.target = 0, staging.bind = 1 << 17, staging.width = 4096;
  staging.height = 1;
  wire::TransferHost3d moved;
  moved.box.w = moved.box.h = 32, moved.box.d = 1, moved.resource_id = 2;
  const auto backing = [](uint32_t id) {
    return Ask(CommandType::RESOURCE_ATTACH_BACKING, wire::AttachBacking{{}, id, uint32_t{1}},
               Entry(id * 8, 4096));
  };
  return Ask(CommandType::CTX_CREATE, wire::CtxCreate()) +
         Ask(CommandType::RESOURCE_CREATE_3D, texture) +
         Ask(CommandType::RESOURCE_CREATE_3D, staging) + backing(2) + backing(3) +
         Ask(CommandType::CTX_ATTACH_RESOURCE, wire::ResourceRequest{{}, uint32_t{2}, {}}) +
         Ask(CommandType::TRANSFER_TO_HOST_3D, moved) +
         Ask(CommandType::SUBMIT_3D, wire::Submit3d{{}, uint32_t{sizeof(stream)}, {}},
             std::string(reinterpret_cast<const char*>(stream), sizeof(stream))) +
         Ask(CommandType::TRANSFER_FROM_HOST_3D, moved);
}

std::string Questions() {
  const std::string answers = Step("ReadDisplay", std::string(1, '\0') + '\1');
  const std::string most = std::string("\1\x40\x40\1\x40\x40\1\x40\x40\1\1", 11);
  return Step("NewDisplay") + answers + Ask(CommandType::GET_DISPLAY_INFO, wire::HeaderOnly()) +
         Ask(CommandType::GET_EDID, wire::GetEdid()) + Step("ReadDisplay", most) +
         Step("ReadDisplay", most);
}

// Two resources at one place after the other, and over one another.
std::string Places() {
  const auto place = [](uint32_t id, uint32_t page, uint32_t pages) {
    return Ask(
        CommandType::RESOURCE_ATTACH_BACKING, wire::AttachBacking{{}, id, uint32_t{1}},
        Text(wire::MemEntry{
            test::kHeapBase + page * kPageBytes, static_cast<uint32_t>(pages * kPageBytes), {}}));
  };
  const auto made = [](uint32_t id) {
    return Ask(CommandType::RESOURCE_CREATE_2D,
               wire::ResourceCreate2d{{}, id, uint32_t{1}, uint32_t{64}, uint32_t{64}});
  };
  const auto detach = [](uint32_t id) {
    return Ask(CommandType::RESOURCE_DETACH_BACKING, wire::ResourceRequest{{}, id, {}});
  };
  return Ask(CommandType::CTX_CREATE, wire::CtxCreate()) + made(1) + made(2) + place(1, 4, 4) +
         Shown() + place(2, 6, 4) + place(2, 8, 4) + detach(1) + place(1, 0, 8) + detach(2) +
         Step("Table", {'\7'}) + place(2, 8, 4);
}

void WriteStories(const std::filesystem::path& out) {
  const std::string pause = Step("Pause", {'\0'}), restart = Step("Restart", {'\x80'});
  const std::string tables = Step("Table", {'\1'}) + Step("Table", {'\3'}) + Step("Table", {'\7'});
  const std::pair<const char*, std::string> stories[] = {
      {"picture", Questions() + Picture() + Shown() + Cursor() + Step("NewDisplay")},
      {"places", Places()},
      {"blob", Step("NewDisplay") + Blob() + Cursor()},
      {"drawing", Drawing() + tables},
      {"questions", Questions() + Step("NewDisplay") + Step("LoseDisplay")},
      {"pause", Picture() + Shown() + pause + Shown() + restart + Picture() + tables + Shown()},
  };
  for (const auto& [name, story] : stories) {
    const char with = std::string_view(name) == "places" ? kWithHeap : kWith;
    std::ofstream(out / name, std::ios::binary) << with << story;
  }
}

}  // namespace
}  // namespace vgpu::fuzz

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::filesystem::path out(argv[2]);
  std::filesystem::create_directories(out);
  vgpu::fuzz::WriteStories(out);
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (entry.path().extension() != ".vgpu") continue;
    if (!vgpu::fuzz::WriteSeed(entry.path(), out)) return 1;
  }
  return 0;
}
