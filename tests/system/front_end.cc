// A front-end with a guest's driver that draws 2D pictures on a device behind a socket, for tests
// of the device's processes: no VM, some milliseconds.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "format/protocol/decode.h"
#include "tests/support/vhost_user_front_end.h"

namespace vgpu::test {
namespace {

constexpr uint32_t kSide = 64;
constexpr uint32_t kResource = 1;
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
    if (!front_end_.Connect() || !front_end_.StartDriver()) Fail("the device does not start");
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
    auto flush = MakeRequest<wire::ResourceFlush>(CommandType::RESOURCE_FLUSH);
    flush.resource_id = kResource;
    flush.rect = {0, 0, kSide, kSide};
    Ask(EncodeRequest(flush));
  }

 private:
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

// front_end SOCKET FRAMES: draws, says so, and goes at the end of its input.
int main(int argc, char** argv) {
  if (argc != 3) vgpu::test::Fail("usage: front_end SOCKET FRAMES");
  vgpu::test::Guest guest(vgpu::test::ConnectTo(argv[1]));
  guest.Prepare();
  for (int frame = 0; frame < std::atoi(argv[2]); ++frame) {
    guest.Draw(static_cast<uint32_t>(frame));
  }
  std::puts("drawn");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}
