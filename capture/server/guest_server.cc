#include "capture/server/guest_server.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "format/protocol/decode.h"

namespace vgpu {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How long a queue that is about to stop waits for its fences: a renderer that takes longer than
// this has hung.
constexpr milliseconds kLongestDrain{10'000};

std::optional<CommandType> TypeOf(Bytes request) {
  const auto header = ReadStruct<wire::CtrlHeader>(request);
  if (!header) return std::nullopt;
  return static_cast<CommandType>(uint32_t{header->type});
}

bool IsSame(const Display& a, const Display& b) {
  return a.enabled == b.enabled && a.flags == b.flags && a.edid == b.edid && a.rect.x == b.rect.x &&
         a.rect.y == b.rect.y && a.rect.width == b.rect.width && a.rect.height == b.rect.height;
}

}  // namespace

GuestServer::GuestServer(EventLoop& loop, std::function<void(const Error&)> problem)
    : loop_(loop), problem_(std::move(problem)) {}

GuestServer::~GuestServer() {
  if (fence_descriptor_ >= 0) loop_.Remove(fence_descriptor_);
}

Status GuestServer::Serve(UniqueFd socket, const vhost::DeviceDescription& description,
                          std::span<const Display> displays, GpuDevice& device,
                          RendererFacts facts) {
  device_ = &device;
  std::ranges::copy(displays.first(std::min(displays.size(), displays_.size())), displays_.begin());
  for (uint32_t i = 0; i < kMaxScanouts; ++i) device.SetDisplay(i, displays_[i]);
  tap_.emplace(device, std::move(facts));
  presenter_.emplace(device, problem_);
  auto session = vhost::Session::Create(loop_, std::move(socket), description, *this);
  if (!session) return tl::unexpected(session.error());
  session_ = std::move(*session);
  fence_descriptor_ = device.FenceDescriptor();
  if (fence_descriptor_ < 0) return {};
  return loop_.Add(fence_descriptor_, [this] { device_->PollFences(); });
}

std::optional<Error> GuestServer::error() const {
  return session_ == nullptr ? std::nullopt : session_->error();
}

bool GuestServer::LocateMemory(uint64_t address, uint64_t size,
                               std::vector<std::span<std::byte>>& out) const {
  return session_ != nullptr && session_->memory().AppendGuestRange(address, size, out);
}

void GuestServer::OnFeatures(uint64_t features) {
  device_->SetFeatures(features & feature::kAll);
  tap_->Features(features);
  if (std::exchange(described_, true)) return;
  for (uint32_t i = 0; i < kMaxScanouts; ++i) tap_->Display(i, displays_[i]);
}

void GuestServer::OnMemoryChanged() {
  device_->MemoryChanged();
  tap_->Memory(session_->memory());
}

void GuestServer::OnReset() {
  fenced_.Clear();
  deferred_.clear();
  device_->Reset();
  tap_->Reset();
  presenter_->ScanoutsChanged();
}

void GuestServer::OnDisplay(UniqueFd socket) {
  presenter_->SetDisplay(nullptr);
  display_.reset();
  RunDeferred(deferred_.size());  // the display that they wait for is gone
  auto display = vhost::DisplaySocket::Create(loop_, std::move(socket), *this);
  if (!display) return problem_(display.error());
  display_ = std::move(*display);
  presenter_->SetDisplay(display_.get());
}

void GuestServer::OnDisplayLost(const std::optional<Error>& error) {
  if (error) problem_({error->code, "the display is lost: " + error->message});
  RunDeferred(deferred_.size());
}

void GuestServer::OnRequest(const vhost::GuestRequest& request) {
  if (Defer(request)) return;
  Execute(request.token, request.bytes);
}

void GuestServer::Execute(const vhost::RequestToken& token, Bytes request) {
  Command command;
  command.number = next_command_++;
  command.queue = token.queue == 0 ? Queue::kControl : Queue::kCursor;
  command.request = request;
  tap_->Before(command);
  auto response = device_->Execute(command);
  if (!response) {  // it cannot go on with this one; the guest is told so
    problem_(response.error());
    const auto header = ReadStruct<wire::CtrlHeader>(request).value_or(wire::CtrlHeader());
    response = Response{EncodeResponse(ResponseType::ERR_UNSPEC, header), {}};
  }
  tap_->After(response->bytes);
  if (!IsErrorResponse(ReadStruct<wire::CtrlHeader>(response->bytes)->type)) Show(request);
  if (!response->fence) return session_->Complete(token, response->bytes);
  fenced_.Add({*response->fence, token, std::move(response->bytes)});
  device_->PollFences();
}

void GuestServer::OnFence(const FenceId& fence) {
  const auto response = fenced_.Take(fence);
  if (!response) return;
  tap_->Signalled(fence);
  session_->Complete(response->token, response->bytes);
}

// What a command that succeeded changes on the displays.
void GuestServer::Show(Bytes request) {
  const auto decoded = DecodeRequest(request);
  if (!decoded) return;
  switch (decoded->info->type) {
    case CommandType::SET_SCANOUT:
    case CommandType::SET_SCANOUT_BLOB:
    case CommandType::RESOURCE_UNREF:
      return presenter_->ScanoutsChanged();
    case CommandType::RESOURCE_FLUSH:
      return Flushed(decoded->As<wire::ResourceFlush>());
    case CommandType::UPDATE_CURSOR:
      return presenter_->CursorChanged(decoded->As<wire::UpdateCursor>().pos.scanout_id);
    case CommandType::MOVE_CURSOR:
      return presenter_->CursorMoved(decoded->As<wire::UpdateCursor>().pos.scanout_id);
    default:
      return;
  }
}

void GuestServer::Flushed(const wire::ResourceFlush& flush) {
  for (uint32_t scanout = 0; scanout < kMaxScanouts; ++scanout) {
    const ScanoutState& state = device_->Scanout(scanout);
    if (state.resource_id == 0 || state.resource_id != flush.resource_id) continue;
    const wire::Rect shown = Intersection(flush.rect, state.rect);
    if (shown.width == 0) continue;
    std::optional<Pixels> pixels;
    if (tap_->WantsPixels()) {
      auto read = device_->ReadPixels(state.resource_id, state.rect.x, state.rect.y,
                                      state.rect.width, state.rect.height);
      if (read) pixels = std::move(*read);
    }
    const Pixels* whole = pixels ? &*pixels : nullptr;
    tap_->Frame(scanout, state, whole);
    presenter_->Flush(scanout, flush.rect, whole);
  }
}

void GuestServer::SetDisplay(uint32_t scanout, const Display& display) {
  if (scanout >= kMaxScanouts || IsSame(displays_[scanout], display)) return;
  displays_[scanout] = display;
  device_->SetDisplay(scanout, display);
  tap_->Display(scanout, display);
}

void GuestServer::TakeDisplayInfo(const wire::RespDisplayInfo& info) {
  for (uint32_t scanout = 0; scanout < kMaxScanouts; ++scanout) {
    const wire::DisplayOne& mode = info.pmodes[scanout];
    SetDisplay(scanout, {mode.enabled != 0, mode.rect, mode.flags, displays_[scanout].edid});
  }
}

void GuestServer::TakeEdid(uint32_t scanout, const wire::RespEdid& edid) {
  if (scanout >= kMaxScanouts) return;
  Display display = displays_[scanout];
  const Bytes bytes = std::as_bytes(std::span(edid.edid));
  const Bytes used = bytes.first(std::min<std::size_t>(edid.size, bytes.size()));
  display.edid.assign(used.begin(), used.end());
  SetDisplay(scanout, display);
}

// The display of the front-end knows its size, and may change it at any time: it is asked each time
// that the guest asks, and the guest's request waits. True where it does.
bool GuestServer::Defer(const vhost::GuestRequest& request) {
  const auto type = TypeOf(request.bytes);
  if (request.token.queue != 0 || display_ == nullptr || display_->lost()) return false;
  if (type != CommandType::GET_DISPLAY_INFO && type != CommandType::GET_EDID) return false;
  deferred_.push_back({request.token, {request.bytes.begin(), request.bytes.end()}});
  if (const auto edid = ReadStruct<wire::GetEdid>(request.bytes);
      edid && type == CommandType::GET_EDID && edid->scanout < kMaxScanouts) {
    display_->GetEdid(edid->scanout, [this, scanout = edid->scanout](const wire::RespEdid* answer) {
      if (answer != nullptr) TakeEdid(scanout, *answer);
    });
  }
  // Asked last, and always answered: what the front-end has no answer for is passed over by it.
  display_->GetDisplayInfo([this](const wire::RespDisplayInfo* answer) {
    if (answer != nullptr) TakeDisplayInfo(*answer);
    RunDeferred(1);
  });
  return true;
}

// In the order of the requests, which is that of the answers. What the display did not say is as it
// was before.
void GuestServer::RunDeferred(std::size_t most) {
  for (; most > 0 && !deferred_.empty(); --most) {
    const Deferred request = std::move(deferred_.front());
    deferred_.pop_front();
    Execute(request.token, request.bytes);
  }
}

void GuestServer::Drain(uint32_t queue) {
  if (queue == 0) RunDeferred(deferred_.size());
  const auto end = steady_clock::now() + kLongestDrain;
  device_->PollFences();
  while (fenced_.HasAnyOf(queue)) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now()).count();
    if (left <= 0) {
      return problem_(
          {ErrorCode::kFailed,
           fmt::format("fences of queue {} did not come within {} s; their requests are "
                       "not answered",
                       queue, kLongestDrain.count() / 1000)});
    }
    pollfd ready{fence_descriptor_, POLLIN, 0};
    poll(&ready, fence_descriptor_ >= 0 ? 1 : 0, static_cast<int>(left));
    device_->PollFences();
  }
}

}  // namespace vgpu
