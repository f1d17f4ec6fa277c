// The device as it serves a live guest, in one process: a hostile guest and its front-end do what
// the input says, and a plain request on a fresh queue must still be answered at the end.
//
// Built twice: on the null renderer, for depth, and on virglrenderer (VGPU_FUZZ_VIRGL), for what a
// guest meets. The renderer lives on from one input to the next; nothing else does, and what an
// input made in it must be gone. Nothing waits.
//
// Input: a byte (1: the device records; 2: the front-end has a host-visible window; 4: it has a
// dedicated heap, in which requests name memory; 8: the device speaks the draft of 2019), then
// steps, each a byte that names it (kSteps), then what it takes. GuestInput makes the requests.
// queue_seeds.cc writes RAW steps from recordings.
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "capture/io/event_loop.h"
#include "capture/ring/handshake.h"
#include "capture/server/guest_server.h"
#include "capture/vhost_user/display_messages.h"
#include "heap/live_memory.h"
#include "replay/device/device.h"
#include "tests/fuzz/guest_input.h"
#include "tests/fuzz/queue_steps.h"
#include "tests/fuzz/quiet_recorder.h"
#include "tests/support/vhost_user_front_end.h"

namespace vgpu::fuzz {

namespace {

using test::kGuestBase;
using test::kUserBase;
using vhost::Request;

constexpr uint64_t kBudget = 16 << 20;
constexpr uint64_t kWindowBytes = 16 << 20;
constexpr uint32_t kSlots = 16;
constexpr int kMaxStarts = 48;  // each takes rings in guest memory
constexpr int kSkipped = 77;

constexpr CommandType kTypes[] = {
#define VGPU_COMMAND(NAME, value, queue, feature, Request, OK_RESPONSE, Trailing) CommandType::NAME,
#include "format/protocol/virtio_gpu.def"
};

void Require(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz_queue: %s\n", what.c_str());
  std::abort();
}

GuestServer* served = nullptr;  // whom fences are reported to

std::unique_ptr<Renderer> MakeRenderer() {
  const auto on_fence = [](const FenceId& fence) {
    if (served != nullptr) served->OnFence(fence);
  };
#ifdef VGPU_FUZZ_VIRGL
  setenv("LIBGL_ALWAYS_SOFTWARE", "1", 0);
  auto made = CreateVirglRenderer(on_fence, [](const std::string&) {});
  if (made) return std::move(*made);
  std::fprintf(stderr, "skipped: %s\n", made.error().message.c_str());
  std::_Exit(kSkipped);
#else
  return CreateNullRenderer(on_fence);
#endif
}

Renderer& TheRenderer() {
  static const std::unique_ptr<Renderer> renderer = MakeRenderer();
  return *renderer;
}

class HostileGuest {
 public:
  HostileGuest(const uint8_t* data, std::size_t size);
  ~HostileGuest() { served = nullptr; }
  void Run();
  void CheckPlaces();
  void CheckAlive();

 private:
  void Pump();
  bool Start(uint64_t features);
  void DropDisplay();
  void Offer(uint32_t queue, std::vector<std::byte> request);
  void AnswerQuestion(const vhost::DisplayHeader& header);

  // The steps, in the order of queue_steps.h.
  void Command();
  void Raw();
  void Kick();
  void Scribble();
  void Descriptor();
  void Available();
  void Restart();
  void Pause();
  void Table();
  void Region();
  void Message();
  void NewDisplay();
  void ReadDisplay();
  void DisplaySays();
  void LoseDisplay() { display_.Reset(); }
  void Poll() { device_.PollFences(); }
  void Window();

  static constexpr void (HostileGuest::*kSteps[])() = {
#define VGPU_QUEUE_STEP(Name) &HostileGuest::Name,
      VGPU_QUEUE_STEPS
#undef VGPU_QUEUE_STEP
  };

  const std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
  test::VhostUserFrontEnd front_end_{[this] { Pump(); }};
  const GuestPages pages_;
  const uint64_t slots_ = front_end_.ram().Allocate(kSlots * (kRequestRoom + kResponseRoom));
  GuestInput in_;
  std::string last_problem_;
  GuestServer server_{*loop_, [this](const Error& problem) { last_problem_ = problem.message; }};
  Device device_;
  UniqueFd display_;  // the front-end's end
  std::vector<std::byte> shown_;
  bool has_window_ = false;
  uint64_t features_ = 0;
  uint32_t sent_ = 0;
  int starts_ = 0;
};

constexpr uint8_t kRecords = 1, kWindow = 2, kHeap = 4, kDraft = 8;

DeviceOptions Options(uint8_t with) {
  DeviceOptions options;
  options.draft_2019 = (with & kDraft) != 0;
  options.scanouts = 2;
  options.max_memory = options.max_host_memory = kBudget;
  return options;
}

HostileGuest::HostileGuest(const uint8_t* data, std::size_t size)
    : pages_{front_end_.ram().Allocate(kPages * kPageBytes), kPages},
      in_(data, size,
          size > 0 && (data[0] & kHeap) != 0 ? GuestPages{test::kHeapBase, kHeapPages} : pages_),
      device_(TheRenderer(), Options(size > 0 ? data[0] : 0),
              std::make_unique<LiveMemory>(kBudget, [this](uint64_t address, uint64_t bytes,
                                                           std::vector<std::span<std::byte>>& out) {
                return server_.LocateMemory(address, bytes, out);
              })) {
  served = &server_;
  static const std::string recorder = StartQuietRecorder();
  const uint8_t with = in_.Byte();
  setenv(ring::kSocketEnv, (with & kRecords) != 0 ? recorder.c_str() : "", 1);
  const std::vector<Display> displays(2, {true, {0, 0, 64, 64}, 0, {}});
  const vhost::DeviceDescription description{
      .features = feature::kAll, .scanouts = 2, .capsets = 2, .host_visible_bytes = kWindowBytes};
  has_window_ = (with & kWindow) != 0;
  HeapOffer heap;
  if ((with & kHeap) != 0) heap = {kHeapPages * kPageBytes, kHeapPages / 2 * kPageBytes};
  const auto serves =
      server_.Serve(front_end_.TakePeer(), description, displays, device_, DeviceFacts(),
                    std::unique_ptr<Connection>(Connection::Open(0)), false, heap);
  Require(serves && front_end_.Connect(test::kAllProtocolFeatures) &&
              (!has_window_ || front_end_.OpenWindow()) &&
              (heap.bytes == 0 || front_end_.AddHeap(heap.bytes)) &&
              Start(test::kUsualFeatures | feature::kAll),
          "the driver does not start");
}

void HostileGuest::Pump() {
  for (int i = 0; i < 3; ++i) {
    loop_->Wait(std::chrono::milliseconds(0));
    front_end_.ServeWindow();
  }
}

bool HostileGuest::Start(uint64_t features) {
  if (++starts_ > kMaxStarts) return true;
  features_ = features;
  const bool started = front_end_.StartDriver(features);
  DropDisplay();
  return started;
}

// The one that a driver's start brings, which nobody here could read.
void HostileGuest::DropDisplay() {
  NewDisplay();
  LoseDisplay();
  Pump();
}

void HostileGuest::Run() {
  for (int steps = 0; !in_.empty() && steps < 256 && !server_.ended(); ++steps) {
    (this->*kSteps[in_.Byte() % std::size(kSteps)])();
  }
}

// A chain of two or three descriptors, or an indirect one. Where the guest does not wait for used
// ones, it goes round: that it names one in flight breaks the queue, as it should.
void HostileGuest::Offer(uint32_t queue, std::vector<std::byte> request) {
  LimitWork(request);
  const uint8_t how = in_.Byte();
  const uint64_t slot = slots_ + sent_ % kSlots * (kRequestRoom + kResponseRoom);
  const uint64_t room = slot + kRequestRoom;
  const auto size = static_cast<uint32_t>(std::min<std::size_t>(request.size(), kRequestRoom));
  front_end_.ram().Write(slot, Bytes(request).first(size));
  const uint32_t response = how < 0xf0 ? kResponseRoom : how % 32u;
  const uint32_t cut = (how & 1) != 0 ? size / 2 : 0;
  const auto first = static_cast<uint16_t>(sent_++ % (test::kQueueSizes[queue] / 4u) * 4u);
  const auto second = static_cast<uint16_t>(first + 1), third = static_cast<uint16_t>(first + 2);
  auto& ring = front_end_.queue(queue);
  if ((how & 2) != 0) {
    const vhost::Descriptor table[] = {{slot, size, vhost::kDescriptorNext, uint16_t{1}},
                                       {room, response, vhost::kDescriptorWrite, uint16_t{0}}};
    const uint64_t place = room + kResponseRoom - sizeof(table);
    front_end_.ram().Write(place, std::as_bytes(std::span(table)));
    ring.Write(first, place, sizeof(table), vhost::kDescriptorIndirect);
  } else {
    ring.Write(first, slot, size - cut, vhost::kDescriptorNext, cut > 0 ? second : third);
    if (cut > 0) ring.Write(second, slot + size - cut, cut, vhost::kDescriptorNext, third);
    ring.Write(third, room, response, vhost::kDescriptorWrite);
  }
  ring.Offer(first);
  if ((how & 0xc) != 0xc) front_end_.Kick(queue);
}

void HostileGuest::Command() {
  const CommandInfo& info =
      *FindCommand(static_cast<uint32_t>(kTypes[in_.Byte() % std::size(kTypes)]));
  const bool wrong_queue = in_.Byte() == 0xff;
  const std::vector<std::byte> request = in_.Request(info);
  Offer((info.queue == Queue::kControl) == wrong_queue ? 1 : 0, request);
}

void HostileGuest::Raw() {
  std::vector<std::byte> request = in_.ByteString();
  const auto header = ReadStruct<wire::CtrlHeader>(request);
  const CommandInfo* info = header ? FindCommand(uint32_t{header->type}) : nullptr;
  Offer(info != nullptr && info->queue == Queue::kCursor ? 1 : 0, std::move(request));
}

// SET_VRING_ENABLE is a kick that the rings cannot keep away.
void HostileGuest::Kick() {
  const uint8_t how = in_.Byte();
  const vhost::VringState state = {how % 2u, how < 0xf0};
  front_end_.AcknowledgedAs(Request::SET_VRING_ENABLE, state);
}

// Anywhere in guest memory: the rings and their tables too.
void HostileGuest::Scribble() {
  const uint64_t place = in_.Number() * (in_.Byte() % 64u);
  std::vector<std::byte> bytes = in_.ByteString();
  if (place >= front_end_.ram().size()) return;
  bytes.resize(std::min<std::size_t>(bytes.size(), front_end_.ram().size() - place));
  front_end_.ram().Write(kGuestBase + place, bytes);
}

void HostileGuest::Descriptor() {
  const uint32_t queue = in_.Byte() % 2;
  const auto index = static_cast<uint16_t>(in_.Byte() % test::kQueueSizes[queue]);
  const uint64_t address = in_.Address();
  const auto length = static_cast<uint32_t>(in_.Number());
  const auto flags = static_cast<uint16_t>(in_.Byte() % 8);
  front_end_.queue(queue).Write(index, address, length, flags, static_cast<uint16_t>(in_.Number()));
  front_end_.queue(queue).Offer(index);
}

void HostileGuest::Available() {
  const uint32_t queue = in_.Byte() % 2;
  auto& ring = front_end_.queue(queue);
  switch (in_.Byte() % 4) {
    case 0:
      return ring.Offer(static_cast<uint16_t>(in_.Number()));
    case 1:
      return ring.SetAvailableIndex(static_cast<uint16_t>(ring.available_index() + in_.Number()));
    case 2:
      return ring.SetUsedEvent(static_cast<uint16_t>(in_.Number()));
    default:
      return ring.SetNoInterrupt(in_.Byte() % 2 != 0);
  }
}

// The guest reboots, and its driver takes other features.
void HostileGuest::Restart() {
  const uint8_t how = in_.Byte();
  if ((how & 1) == 0) front_end_.StopDriver();
  if ((how & 2) == 0) front_end_.ResetDevice();
  const uint64_t own = (how & 0x80) != 0 ? feature::kAll : how >> 2 & feature::kAll;
  const uint64_t rings =
      how % 8 == 7 ? vhost::kFeatureVersion1 | vhost::kFeatureProtocol : test::kUsualFeatures;
  Start(rings | own);
}

// Paused and going on, from where the device was or from anywhere.
void HostileGuest::Pause() {
  auto bases = front_end_.StopDriver();
  if (in_.Byte() % 8 == 7) bases[in_.Byte() % 2] = static_cast<uint32_t>(in_.Number());
  if (server_.ended()) return;
  front_end_.ResumeDriver(features_, bases);
  DropDisplay();
}

void HostileGuest::Table() {
  vhost::MemoryRegion whole = front_end_.ram().region(), pages = whole, rest = whole;
  pages.size = kPages * kPageBytes;
  rest.guest_address += pages.size;
  rest.user_address += pages.size;
  rest.mmap_offset += pages.size;
  rest.size -= pages.size;
  const int fd = front_end_.ram().fd();
  switch (in_.Byte() % 8) {
    case 0:
      front_end_.SetMemTable({}, {});
      return;
    case 1:
    case 2:
      front_end_.SetMemTable({rest}, {fd});
      return;
    case 3:
      front_end_.SetMemTable({rest, pages}, {fd, fd});
      return;
    case 4:
      pages.mmap_offset = in_.Number();
      front_end_.SetMemTable({rest, pages}, {fd, fd});
      return;
    case 5:
      whole.guest_address = in_.Number() << 12;
      [[fallthrough]];
    default:
      front_end_.SetMemTable({whole}, {fd});
  }
}

void HostileGuest::Region() {
  const uint8_t how = in_.Byte();
  vhost::SingleRegion single = {0,
                                {kGuestBase + in_.Number() * kPageBytes, in_.Number() * 1024,
                                 kUserBase + in_.Number() * kPageBytes, in_.Number()}};
  if ((how & 2) != 0) single.region = front_end_.ram().region();
  const auto request = (how & 1) != 0 ? Request::ADD_MEM_REG : Request::REM_MEM_REG;
  front_end_.AcknowledgedAs(request, single, {front_end_.ram().fd()});
}

// Any message, with or without a descriptor that counts.
void HostileGuest::Message() {
  const auto request = static_cast<Request>(in_.Byte() % 48);
  const uint8_t how = in_.Byte();
  std::vector<std::byte> payload = in_.ByteString();
  if (how % 4 < 2) {  // the size that most have
    payload.resize(how % 4 == 0 ? 8 : 40);
    payload[0] = std::byte{static_cast<uint8_t>(how / 4 % 3)};
  }
  payload.resize(std::min<std::size_t>(payload.size(), vhost::kMaxPayloadBytes));
  const UniqueFd event(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  std::vector<int> fds;
  if ((how & 0x80) != 0) fds.push_back(event.get());
  front_end_.Acknowledged(request, payload, fds);
}

void HostileGuest::NewDisplay() {
  int ends[2];
  Require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "no socket pair");
  display_ = UniqueFd(ends[0]);
  const UniqueFd peer(ends[1]);
  shown_.clear();
  front_end_.Acknowledged(Request::GPU_SET_SOCKET, {}, {peer.get()});
}

void HostileGuest::AnswerQuestion(const vhost::DisplayHeader& header) {
  std::vector<std::byte> payload;
  switch (static_cast<vhost::DisplayMessage>(header.message)) {
    case vhost::DisplayMessage::GET_PROTOCOL_FEATURES:
      payload = vhost::PayloadBytes<uint64_t>(in_.Byte());
      break;
    case vhost::DisplayMessage::GET_DISPLAY_INFO: {
      wire::RespDisplayInfo info;
      for (uint32_t i = 0; i < 3; ++i) {
        const auto width = static_cast<uint32_t>(in_.Number());
        info.pmodes[i] = {{0, 0, width, static_cast<uint32_t>(in_.Number())}, in_.Byte() % 2u, 0};
      }
      payload = vhost::PayloadBytes(info);
      break;
    }
    case vhost::DisplayMessage::GET_EDID: {
      wire::RespEdid edid;
      edid.size = static_cast<uint32_t>(in_.Number());
      payload = vhost::PayloadBytes(edid);
      break;
    }
    default:
      return;
  }
  auto reply = vhost::PayloadBytes(vhost::DisplayHeader{header.message, vhost::kDisplayFlagReply,
                                                        static_cast<uint32_t>(payload.size())});
  reply.insert(reply.end(), payload.begin(), payload.end());
  if (send(display_.get(), reply.data(), reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) return;
}

// What has come, some of it; its questions are answered.
void HostileGuest::ReadDisplay() {
  if (!display_) return;
  static std::byte buffer[64 << 10];
  for (int turns = 1 + in_.Byte() % 64; turns > 0; --turns) {
    const ssize_t got = recv(display_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (got <= 0) break;
    shown_.insert(shown_.end(), buffer, buffer + got);
    Pump();
  }
  std::size_t done = 0;
  while (shown_.size() - done >= sizeof(vhost::DisplayHeader)) {
    const auto header = vhost::PayloadAs<vhost::DisplayHeader>(Bytes(shown_).subspan(done));
    if (shown_.size() - done < sizeof(header) + header.size) break;
    done += sizeof(header) + header.size;
    AnswerQuestion(header);
  }
  shown_.erase(shown_.begin(), shown_.begin() + static_cast<std::ptrdiff_t>(done));
  Pump();
}

void HostileGuest::DisplaySays() {
  const std::vector<std::byte> bytes = in_.ByteString();
  if (!display_ || bytes.empty()) return;
  if (send(display_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) return;
  Pump();
}

void HostileGuest::Window() {
  const uint8_t how = in_.Byte();
  if (!has_window_) return;
  test::HostVisibleWindow& window = front_end_.window();
  window.refuse = (how & 1) != 0;
  window.asleep = (how & 2) != 0;
  window.silent = (how & 4) != 0;
  if ((how & 8) != 0) window.Answer();
  if ((how & 16) != 0) window.SendRaw(in_.ByteString());
  if (how % 128 == 127) window.HangUp();
  Pump();
}

// What the ids that GuestInput gives most have in the heap is theirs alone.
void HostileGuest::CheckPlaces() {
  std::map<const std::byte*, uint64_t> places;
  for (uint32_t id = 0; id < 64; ++id) {
    if (!device_.IsPlaced(id)) continue;
    const std::span<const iovec> backing = device_.BackingOf(id);
    Require(backing.size() == 1, "a place in the heap is not in one piece");
    const auto* begin = static_cast<const std::byte*>(backing[0].iov_base);
    Require(places.emplace(begin, backing[0].iov_len).second, "two places begin alike");
  }
  const std::byte* end = nullptr;
  for (const auto& [begin, size] : places) {
    Require(begin >= end, "two places overlap");
    end = begin + size;
  }
}

// A reboot heals all but a front-end that was hung up on: there the device itself is asked.
void HostileGuest::CheckAlive() {
  LoseDisplay();
  Pump();
  if (server_.ended()) {
    const wire::HeaderOnly plain{{.type = static_cast<uint32_t>(CommandType::GET_DISPLAY_INFO)}};
    Require(device_.Execute({0, Queue::kControl, StructBytes(plain), {}}).has_value(),
            "the device does not answer any more");
    return;
  }
  starts_ = 0;
  for (int replies = 0; replies < 64 && front_end_.ReadReply(); ++replies) {
  }
  const auto offered = front_end_.AskU64(Request::GET_PROTOCOL_FEATURES);
  front_end_.Send(Request::SET_PROTOCOL_FEATURES, vhost::PayloadBytes(offered));
  const bool whole = front_end_.SetMemTable({front_end_.ram().region()}, {front_end_.ram().fd()});
  Require(whole && front_end_.ResetDevice() && Start(test::kUsualFeatures),
          "it does not reboot: " + last_problem_);
  const wire::HeaderOnly plain{{.type = static_cast<uint32_t>(CommandType::GET_DISPLAY_INFO)}};
  front_end_.ram().Write(slots_, StructBytes(plain));
  const uint64_t response = slots_ + kRequestRoom;
  const auto head = front_end_.queue(0).Add(
      {{slots_, sizeof(plain), false}, {response, sizeof(wire::RespDisplayInfo), true}});
  front_end_.Kick(0);
  Require(front_end_.queue(0).TakeUsed() ==
              test::DriverQueue::Used{head, sizeof(wire::RespDisplayInfo)},
          "a plain request is not answered: " + last_problem_);
  wire::CtrlHeader header;
  std::memcpy(&header, front_end_.ram().At(response), sizeof(header));
  Require(header.type == static_cast<uint32_t>(ResponseType::OK_DISPLAY_INFO),
          "a plain request fails");
}

#ifdef VGPU_FUZZ_VIRGL
// The ids that GuestInput gives most: a resource takes a backing, a context a stream.
void CheckNothingIsLeft() {
  Renderer& renderer = TheRenderer();
  for (uint32_t id = 1; id < 16; ++id) {
    uint32_t nop = 0;
    std::byte byte[4096];
    iovec entry{byte, sizeof(byte)};
    Require(renderer.AttachBacking(id, {&entry, 1}) != 0, "a resource is left");
    Require(renderer.Submit(id, {&nop, 1}) != 0, "a context is left");
  }
}
#else
void CheckNothingIsLeft() {}
#endif

}  // namespace
}  // namespace vgpu::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  vgpu::fuzz::TheRenderer();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  {
    vgpu::fuzz::HostileGuest guest(data, size);
    guest.Run();
    guest.CheckPlaces();
    guest.CheckAlive();
  }
  vgpu::fuzz::CheckNothingIsLeft();
  return 0;
}
