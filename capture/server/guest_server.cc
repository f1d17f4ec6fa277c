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
                          std::span<const Display> displays, GpuDevice& device, DeviceFacts facts,
                          std::unique_ptr<Connection> recorder, bool dmabuf) {
  device_ = &device;
  window_bytes_ = description.host_visible_bytes;
  std::ranges::copy(displays.first(std::min(displays.size(), displays_.size())), displays_.begin());
  for (uint32_t i = 0; i < kMaxScanouts; ++i) device.SetDisplay(i, displays_[i]);
  tap_.emplace(device, std::move(facts), std::move(recorder));
  auto presenter = Presenter::Create(loop_, device, dmabuf, problem_);
  if (!presenter) return tl::unexpected(presenter.error());
  presenter_ = std::move(*presenter);
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
  const uint64_t window = session_->has_window() ? window_bytes_ : 0;
  device_->SetWindow(window);
  tap_->Features(features, window);
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
  windows_.clear();  // the front-end unmaps by itself
  device_->Reset();
  tap_->Reset();
  presenter_->ScanoutsChanged();
}

void GuestServer::OnDisplay(UniqueFd socket) {
  presenter_->SetDisplay(nullptr);
  display_.reset();
  RunDeferred(deferred_.size());  // the old one answers no more
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
  if (Defer(request) || UnmapFirst(request)) return;
  Serve(request.token, request.bytes);
}

void GuestServer::Serve(const vhost::RequestToken& token, Bytes request) {
  const Queue queue = token.queue == 0 ? Queue::kControl : Queue::kCursor;
  Response response = Execute(queue, request, false);
  const auto map = ReadStruct<wire::ResourceMapBlob>(request);
  const auto header = ReadStruct<wire::CtrlHeader>(response.bytes);
  const bool maps = header->type == static_cast<uint32_t>(ResponseType::OK_MAP_INFO);
  if (maps) return Map(token, map->resource_id, map->offset, std::move(response));
  Finish(token, std::move(response));
  // A context that goes takes its fences with it, and no descriptor tells of that.
  if (TypeOf(request) == CommandType::CTX_DESTROY) device_->PollFences();
}

Response GuestServer::Execute(Queue queue, Bytes request, bool inferred) {
  Command command;
  command.number = next_command_++;
  command.queue = queue;
  command.request = request;
  command.memory = tap_->Before(command, inferred);
  auto response = device_->Execute(command);
  if (!response) {  // it cannot go on with this one; the guest is told so
    problem_(response.error());
    const auto header = ReadStruct<wire::CtrlHeader>(request).value_or(wire::CtrlHeader());
    response = Response{EncodeResponse(ResponseType::ERR_UNSPEC, header), {}};
  }
  tap_->After(response->bytes);
  if (!IsErrorResponse(ReadStruct<wire::CtrlHeader>(response->bytes)->type)) Show(request);
  return std::move(*response);
}

// The guest has the response when its fence is done.
void GuestServer::Finish(const vhost::RequestToken& token, Response response) {
  if (!response.fence) return session_->Complete(token, response.bytes);
  fenced_.Add({*response.fence, token, std::move(response.bytes)});
  device_->PollFences();
}

void GuestServer::OnFence(const FenceId& fence) {
  tap_->Signalled(fence);
  if (const auto response = fenced_.Take(fence)) {
    return session_->Complete(response->token, response->bytes);
  }
  // That of a response that waits for the window too waits for nothing else any more.
  for (auto& [id, window] : windows_) {
    if (window.waiting && window.waiting->second.fence == fence) {
      return window.waiting->second.fence.reset();
    }
  }
}

// The device has mapped the blob; now the front-end does, and then the guest has its response.
void GuestServer::Map(const vhost::RequestToken& token, uint32_t resource_id, uint64_t offset,
                      Response response) {
  const uint64_t size = device_->MappedOf(resource_id).size();
  windows_[resource_id] = {offset, size, {{token, std::move(response)}}};
  const UniqueFd memory(device_->ExportBlob(resource_id));
  session_->MapWindow(memory.get(), 0, offset, size, true,
                      [this, resource_id](bool ok) { Mapped(resource_id, ok); });
}

void GuestServer::Mapped(uint32_t resource_id, bool ok) {
  const auto window = windows_.find(resource_id);
  if (window == windows_.end() || !window->second.waiting) return;
  auto [token, response] = *std::exchange(window->second.waiting, std::nullopt);
  if (ok) return Finish(token, std::move(response));
  windows_.erase(window);
  // Nobody asked for this; it undoes what the front-end could not do.
  auto unmap = MakeRequest<wire::ResourceRequest>(CommandType::RESOURCE_UNMAP_BLOB);
  unmap.resource_id = resource_id;
  (void)Execute(Queue::kControl, StructBytes(unmap), true);
  const auto header = ReadStruct<wire::CtrlHeader>(response.bytes).value_or(wire::CtrlHeader());
  response.bytes = EncodeResponse(ResponseType::ERR_UNSPEC, header);
  Finish(token, std::move(response));
}

// What is in the window is taken out of it before the device lets go of it. True where the request
// waits for that.
bool GuestServer::UnmapFirst(const vhost::GuestRequest& request) {
  const auto type = TypeOf(request.bytes);
  if (type != CommandType::RESOURCE_UNMAP_BLOB && type != CommandType::RESOURCE_UNREF) return false;
  const auto of = ReadStruct<wire::ResourceRequest>(request.bytes);
  const auto window = of ? windows_.find(of->resource_id) : windows_.end();
  if (request.token.queue != 0 || window == windows_.end()) return false;
  const auto [offset, size, waiting] = std::move(window->second);
  windows_.erase(window);
  if (waiting) Finish(waiting->first, waiting->second);  // the guest did not wait for it
  session_->UnmapWindow(offset, size,
                        [this, token = request.token,
                         bytes = std::vector(request.bytes.begin(), request.bytes.end())](bool) {
                          Serve(token, bytes);
                        });
  return true;
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
    if (tap_->WantsPixels(presenter_->IsDue(scanout))) {
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
    Serve(request.token, request.bytes);
  }
}

void GuestServer::Drain(uint32_t queue) {
  if (queue == 0) RunDeferred(deferred_.size());
  const auto end = steady_clock::now() + kLongestDrain;
  device_->PollFences();
  while (fenced_.HasAnyOf(queue)) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now()).count();
    if (left <= 0) {
      fenced_.Drop(queue);
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
