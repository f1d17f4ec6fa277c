// A front-end with a guest's driver that draws 2D pictures on a device behind a socket, for tests
// of the device's processes: no VM, some milliseconds. A racing guest draws from a dedicated heap,
// which it goes on writing while the device reads it.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "format/protocol/decode.h"
#include "tests/support/vhost_user_front_end.h"

namespace vgpu::test {
namespace {

constexpr uint32_t kSide = 64;
constexpr uint32_t kResource = 1, kBlob = 2;
constexpr uint64_t kHeapBytes = 1u << 20;
constexpr uint32_t kLongest = 10'000;  // milliseconds for an answer
constexpr uint32_t kPause = 200;       // for one of a device that runs, if there is to be one

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "front_end: %s\n", what);
  std::exit(1);
}

UniqueFd ConnectTo(const char* path) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof(address.sun_path)) Fail("the path is too long");
  std::strcpy(address.sun_path, path);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    Fail("nobody listens on the socket");
  }
  return fd;
}

class Guest {
 public:
  explicit Guest(UniqueFd socket)
      : socket_(socket.get()),
        front_end_([this] { Wait(std::exchange(pause_, kPause)); }, std::move(socket)) {
    if (!front_end_.Connect()) Fail("the device does not start");
  }

  void Start() {
    if (!front_end_.StartDriver(kUsualFeatures | feature::kResourceBlob)) {
      Fail("the device's driver does not start");
    }
  }

  void Prepare() {
    wire::ResourceCreate2d create;
    create.hdr.type = static_cast<uint32_t>(CommandType::RESOURCE_CREATE_2D);
    create.resource_id = kResource;
    create.format = 1;
    create.width = create.height = kSide;
    Ask(EncodeRequest(create));
    backing_ = front_end_.ram().Allocate(kSide * kSide * 4, 4096);
    auto attach = MakeRequest<wire::AttachBacking>(CommandType::RESOURCE_ATTACH_BACKING);
    attach.resource_id = kResource;
    attach.nr_entries = 1;
    wire::MemEntry entry;
    entry.addr = backing_;
    entry.length = kSide * kSide * 4;
    Ask(EncodeRequest(attach, std::span<const wire::MemEntry>(&entry, 1)));
    auto scanout = MakeRequest<wire::SetScanout>(CommandType::SET_SCANOUT);
    scanout.resource_id = kResource;
    scanout.rect = {0, 0, kSide, kSide};
    Ask(EncodeRequest(scanout));
  }

  void Draw(uint32_t frame) {
    std::memset(front_end_.ram().At(backing_), static_cast<int>(frame), kSide * kSide * 4);
    auto transfer = MakeRequest<wire::TransferToHost2d>(CommandType::TRANSFER_TO_HOST_2D);
    transfer.resource_id = kResource;
    transfer.rect = {0, 0, kSide, kSide};
    Ask(EncodeRequest(transfer));
    Flush(kResource);
  }

  // A picture and a blob of one in the dedicated heap, each of which is shown in turn.
  void PrepareInHeap() {
    if (!front_end_.AddHeap(kHeapBytes)) Fail("the heap is refused");
    Start();
    constexpr uint32_t kBytes = kSide * kSide * 4;
    wire::MemEntry entry;
    entry.addr = kHeapBase;
    entry.length = kBytes;
    auto create = MakeRequest<wire::ResourceCreate2d>(CommandType::RESOURCE_CREATE_2D);
    create.resource_id = kResource;
    create.format = 1;
    create.width = create.height = kSide;
    Ask(EncodeRequest(create));
    auto attach = MakeRequest<wire::AttachBacking>(CommandType::RESOURCE_ATTACH_BACKING);
    attach.resource_id = kResource;
    attach.nr_entries = 1;
    Ask(EncodeRequest(attach, std::span<const wire::MemEntry>(&entry, 1)));
    auto blob = MakeRequest<wire::ResourceCreateBlob>(CommandType::RESOURCE_CREATE_BLOB);
    blob.resource_id = kBlob;
    blob.blob_mem = kBlobMemGuest;
    blob.nr_entries = 1;
    blob.size = kBytes;
    entry.addr = kHeapBase + kBytes;
    Ask(EncodeRequest(blob, std::span<const wire::MemEntry>(&entry, 1)));
  }

  void DrawRacing(uint32_t frames) {
    std::atomic<bool> done = false;
    std::thread scribbler([&] {
      const std::span<std::byte> heap = front_end_.heap();
      for (uint32_t x = 1; !done; x = x * 1664525 + 1013904223) {
        std::atomic_ref(heap[x % heap.size()]).store(static_cast<std::byte>(x >> 24));
      }
    });
    for (uint32_t frame = 0; frame < frames; ++frame) {
      frame % 2 == 0 ? ShowPicture() : ShowBlob();
    }
    done = true;
    scribbler.join();
  }

 private:
  void ShowPicture() {
    auto transfer = MakeRequest<wire::TransferToHost2d>(CommandType::TRANSFER_TO_HOST_2D);
    transfer.resource_id = kResource;
    transfer.rect = {0, 0, kSide, kSide};
    Ask(EncodeRequest(transfer));
    auto scanout = MakeRequest<wire::SetScanout>(CommandType::SET_SCANOUT);
    scanout.resource_id = kResource;
    scanout.rect = {0, 0, kSide, kSide};
    Ask(EncodeRequest(scanout));
    Flush(kResource);
  }

  void ShowBlob() {
    auto scanout = MakeRequest<wire::SetScanoutBlob>(CommandType::SET_SCANOUT_BLOB);
    scanout.resource_id = kBlob;
    scanout.rect = {0, 0, kSide, kSide};
    scanout.width = scanout.height = kSide;
    scanout.format = 2;
    scanout.strides[0] = kSide * 4;
    Ask(EncodeRequest(scanout));
    Flush(kBlob);
  }

  void Flush(uint32_t resource) {
    auto flush = MakeRequest<wire::ResourceFlush>(CommandType::RESOURCE_FLUSH);
    flush.resource_id = resource;
    flush.rect = {0, 0, kSide, kSide};
    Ask(EncodeRequest(flush));
  }

  // Until something can be read from the device, or it has hung up.
  void Wait(uint32_t milliseconds) const {
    pollfd ready{socket_, POLLIN, 0};
    poll(&ready, 1, static_cast<int>(milliseconds));
  }

  void Ask(const std::vector<std::byte>& request) {
    if (place_ == 0) place_ = front_end_.ram().Allocate(4096);
    front_end_.ram().Write(place_, request);
    const uint64_t response = place_ + 2048;
    DriverQueue& queue = front_end_.queue(0);
    queue.Add({{place_, static_cast<uint32_t>(request.size()), false}, {response, 24, true}});
    front_end_.Notify(0);
    for (uint32_t waited = 0; !queue.TakeUsed(); ++waited) {
      if (waited == kLongest) Fail("a command is not answered");
      Wait(1);
    }
    wire::CtrlHeader header;
    std::memcpy(&header, front_end_.ram().At(response), sizeof(header));
    if (header.type != static_cast<uint32_t>(ResponseType::OK_NODATA)) Fail("a command is refused");
  }

  int socket_;
  uint32_t pause_ = kLongest;  // for the first answer the device starts
  VhostUserFrontEnd front_end_;
  uint64_t place_ = 0;
  uint64_t backing_ = 0;
};

}  // namespace
}  // namespace vgpu::test

// front_end SOCKET FRAMES [racing]: draws, says so, and goes at the end of its input.
int main(int argc, char** argv) {
  const bool racing = argc == 4 && std::string_view(argv[3]) == "racing";
  if (argc != 3 && !racing) vgpu::test::Fail("usage: front_end SOCKET FRAMES [racing]");
  const auto frames = static_cast<uint32_t>(std::atoi(argv[2]));
  vgpu::test::Guest guest(vgpu::test::ConnectTo(argv[1]));
  if (racing) {
    guest.PrepareInHeap();
    guest.DrawRacing(frames);
  } else {
    guest.Start();
    guest.Prepare();
    for (uint32_t frame = 0; frame < frames; ++frame) guest.Draw(frame);
  }
  std::puts("drawn");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}
