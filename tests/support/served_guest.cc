#include "tests/support/served_guest.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace vgpu::test {

namespace {

constexpr uint32_t kWidth = 64, kHeight = 48;  // of a display that does not say

DeviceFacts FactsOf(Renderer& renderer) {
  const RendererInfo info = renderer.Info();
  DeviceFacts facts;
  facts.library = info.name + " " + info.version;
  facts.gl_renderer = info.gl_renderer;
  return facts;
}

}  // namespace

std::unique_ptr<ServedGuest> ServedGuest::Create(const GuestOptions& options, std::string& why) {
  std::unique_ptr<ServedGuest> guest(new ServedGuest(options));
  return guest->Begin(why) ? std::move(guest) : nullptr;
}

ServedGuest::~ServedGuest() = default;

bool ServedGuest::Begin(std::string& why) {
  loop_ = EventLoop::Create().value();
  server_.emplace(*loop_, [this](const Error& error) { problems_.push_back(error.message); });
  const FenceCallback on_fence = [this](const FenceId& fence) { server_->OnFence(fence); };
  std::unique_ptr<Renderer> real;
  if (options_.virgl) {
    setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1);  // the same pixels on every machine
    auto made = CreateVirglRenderer(on_fence, [this](const std::string& line) {
      problems_.push_back("the renderer says: " + line);
    });
    if (!made) return why = made.error().message, false;
    real = std::move(*made);
  } else {
    real = CreateNullRenderer(on_fence);
  }
  renderer_ = std::make_unique<WatchedRenderer>(std::move(real), on_fence, options_.late_fences);
  front_end_ = std::make_unique<VhostUserFrontEnd>([this] { Pump(); });
  if (const Status served = Serve(); !served) return why = served.error().message, false;
  const bool window = options_.window_bytes != 0 || options_.heap_mapped;
  const bool brings_heap = options_.heap_bytes != 0 && !options_.heap_mapped;
  if (!front_end_->Connect(window ? kAllProtocolFeatures : kProtocolFeaturesOfQemu10) ||
      (window && !front_end_->OpenWindow()) ||
      (brings_heap && !front_end_->AddHeap(options_.heap_bytes)) || !Start()) {
    return why = "the back-end does not start", false;
  }
  return true;
}

Status ServedGuest::Serve() {
  DeviceOptions device;
  device.scanouts = options_.scanouts;
  device.draft_2019 = options_.draft_2019;
  device.width = kWidth;
  device.height = kHeight;
  device.max_memory = options_.max_memory;
  device.max_host_memory = options_.max_host_memory;
  auto memory = std::make_unique<LiveMemory>(
      options_.max_memory,
      [this](uint64_t address, uint64_t size, std::vector<std::span<std::byte>>& out) {
        return server_->LocateMemory(address, size, out);
      });
  memory_ = memory.get();
  device_.emplace(*renderer_, device, std::move(memory));
  const std::vector<Display> displays(options_.scanouts, {true, {0, 0, kWidth, kHeight}, 0, {}});
  const vhost::DeviceDescription description{
      .features = options_.features,
      .scanouts = options_.scanouts,
      .capsets = static_cast<uint32_t>(OfferedCapsets(*renderer_).size()),
      .host_visible_bytes = options_.window_bytes,
      .heap_bytes = options_.heap_bytes};
  HeapOffer offer;
  if (options_.heap_bytes != 0) {
    auto pool = SharedHeap::Create(options_.heap_bytes);
    if (!pool) return MakeError(ErrorCode::kFailed, pool.error().message);
    pool_.emplace(std::move(*pool));
    offer = {options_.heap_bytes, options_.heap_quota, options_.heap_read_only, &*pool_};
  }
  return server_->Serve(front_end_->TakePeer(), description, displays, *device_,
                        FactsOf(*renderer_), nullptr, options_.dmabuf, offer);
}

bool ServedGuest::Start() {
  display_.Forget();
  other_display_.Reset();
  broken_ = {};
  return front_end_->StartDriver(kUsualFeatures | options_.features);
}

void ServedGuest::Stop() {
  other_display_.Reset();
  front_end_->StopDriver();
  Pump();
  for (auto& queue : in_flight_) {
    for (const auto& [head, request] : queue) free_slots_.push_back(request.slot);
    queue.clear();
  }
}

void ServedGuest::HangUpDisplay() {
  other_display_.Reset();
  front_end_->HangUpDisplay();
  Pump();
}

void ServedGuest::AnswerDrawing() {
  display_.AnswerDrawing(DisplayEnd());
  Pump();
}

bool ServedGuest::Reboot() {
  Stop();
  return front_end_->ResetDevice() && Start();
}

void ServedGuest::HandOverDisplay() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  const UniqueFd peer(ends[1]);
  display_.Forget();
  other_display_ = UniqueFd(ends[0]);
  front_end_->Send(vhost::Request::GPU_SET_SOCKET, {}, {peer.get()});
  Pump();
}

void ServedGuest::Pump() {
  if (front_end_ == nullptr) return;
  // A message may make a kick, which makes a request, which asks the display, ...
  for (int round = 0; round < 8; ++round) {
    loop_->Wait(std::chrono::milliseconds(0));
    front_end_->ServeWindow();
    display_.Serve(DisplayEnd());
  }
  for (uint32_t queue = 0; queue < 2; ++queue) {
    TakeUsed(queue);
    broken_[queue] = front_end_->Broken(queue) || broken_[queue];
  }
}

ServedGuest::Slot ServedGuest::TakeSlot(std::size_t request_bytes) {
  const auto fits = [&](const Slot& slot) { return slot.request_bytes >= request_bytes; };
  if (const auto found = std::ranges::find_if(free_slots_, fits); found != free_slots_.end()) {
    const Slot slot = *found;
    free_slots_.erase(found);
    return slot;
  }
  const auto bytes = std::max<std::size_t>(request_bytes, kSlotBytes);
  return {ram().Allocate(bytes), ram().Allocate(kSlotBytes), static_cast<uint32_t>(bytes)};
}

ServedGuest::Ticket ServedGuest::Ask(Queue queue, Bytes request) {
  const auto index = static_cast<uint32_t>(queue);
  const Slot slot = TakeSlot(request.size());
  ram().Write(slot.request, request);
  const uint32_t type = request.size() < 4 ? 0 : uint32_t{*ReadStruct<le32>(request)};
  const CommandInfo* info = FindCommand(type);
  const auto size = static_cast<uint32_t>(request.size());
  const auto head =
      info == nullptr ? size : std::min(size, static_cast<uint32_t>(info->request_size));
  std::vector<DriverQueue::Buffer> chain = {{slot.request, head, false}};
  if (size > head) chain.push_back({slot.request + head, size - head, false});
  chain.push_back({slot.response, kSlotBytes, true});
  const Ticket ticket = responses_.size();
  responses_.emplace_back();
  in_flight_[index].emplace(front_end_->queue(index).Add(chain), InFlight{ticket, type, slot});
  front_end_->Kick(index);
  return ticket;
}

void ServedGuest::TakeUsed(uint32_t queue) {
  while (!in_flight_[queue].empty()) {
    const auto used = front_end_->queue(queue).TakeUsed();
    if (!used) return;
    const auto node = in_flight_[queue].extract(used->head);
    if (node.empty()) std::abort();
    const InFlight& request = node.mapped();
    const std::byte* begin = ram().At(request.slot.response);
    std::vector<std::byte>& response =
        responses_[request.ticket].emplace(begin, begin + std::min(used->written, kSlotBytes));
    if (response.size() >= 4) seen_.emplace(request.type, *ReadStruct<le32>(response));
    answered_.push_back(request.ticket);
    free_slots_.push_back(request.slot);
  }
}

const std::vector<std::byte>* ServedGuest::ResponseTo(Ticket ticket) const {
  const auto& response = responses_.at(ticket);
  return response ? &*response : nullptr;
}

std::optional<std::vector<std::byte>> ServedGuest::WaitFor(Ticket ticket) {
  PumpUntil([&] { return ResponseTo(ticket) != nullptr || broken_[0] || broken_[1]; });
  return responses_[ticket];
}

}  // namespace vgpu::test
