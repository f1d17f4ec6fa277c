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

bool IsError(const Response& response) {
  const auto header = ReadStruct<wire::CtrlHeader>(response.bytes);
  return !header || IsErrorResponse(header->type);
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
                          std::unique_ptr<Connection> recorder, bool dmabuf,
                          const HeapOffer& heap) {
  device_ = &device;
  heap_offer_ = heap;
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
  OfferPool();
  tap_->Features(features, window);
  if (std::exchange(described_, true)) return;
  for (uint32_t i = 0; i < kMaxScanouts; ++i) tap_->Display(i, displays_[i]);
}

// A front-end that can map memory of the device's into the guest gets the pool as a whole, once,
// and shares it back with the rest of the guest's memory.
void GuestServer::OfferPool() {
  if (heap_offer_.pool == nullptr || !session_->has_window()) return;
  if (std::exchange(pool_offered_, true)) return;
  session_->MapHeap(heap_offer_.pool->fd(), !heap_offer_.read_only, [this](bool ok) {
    if (ok) return;
    pool_offered_ = false;  // the next driver may have it
    problem_({ErrorCode::kFailed, "the front-end does not map the heap"});
  });
}

// Once there are requests, the guest's memory is complete.
void GuestServer::MissHeap() {
  if (heap_offer_.bytes == 0 || heap_file_ || std::exchange(heap_missed_, true)) return;
  problem_({ErrorCode::kFailed,
            fmt::format("no memory of the guest is the heap of {} bytes: a shared memory device of "
                        "just this size makes one (docs/DEVICE.md); the guest goes on without",
                        heap_offer_.bytes)});
}

void GuestServer::OnMemoryChanged() {
  const auto found = FindHeap(heap_offer_, session_->memory());
  // Another file at the same place is another heap.
  if (found && heap_file_ && !(found->file == *heap_file_)) device_->SetHeap(std::nullopt, {});
  heap_file_ = found ? std::optional(found->file) : std::nullopt;
  device_->SetHeap(found ? std::optional(found->heap) : std::nullopt,
                   found ? found->bytes : std::span<std::byte>());
  device_->MemoryChanged();
  tap_->Memory(session_->memory(), found);
}

void GuestServer::OnReset() {
  fenced_.Clear();
  deferred_.clear();
  windows_.clear();  // the front-end unmaps by itself
  pool_offered_ = false;
  window_waits_.clear();
  device_->Reset();
  tap_->Reset();
  presenter_->ScanoutsChanged();
}

void GuestServer::OnDisplay(UniqueFd socket) {
  presenter_->SetDisplay(nullptr);
  display_.reset();
  RunDeferred(next_deferred_);  // the old one answers no more
  auto display = vhost::DisplaySocket::Create(loop_, std::move(socket), *this);
  if (!display) return problem_(display.error());
  display_ = std::move(*display);
  presenter_->SetDisplay(display_.get());
}

void GuestServer::OnDisplayLost(const std::optional<Error>& error) {
  if (error) problem_({error->code, "the display is lost: " + error->message});
  RunDeferred(next_deferred_);
}

void GuestServer::OnRequest(const vhost::GuestRequest& request) {
  MissHeap();
  if (Defer(request)) return;
  Serve(request.token, request.bytes);
}

void GuestServer::Serve(const vhost::RequestToken& token, Bytes request) {
  const Queue queue = token.queue == 0 ? Queue::kControl : Queue::kCursor;
  Response response = Execute(queue, request, false);
  const auto type = TypeOf(request);
  const auto map = ReadStruct<wire::ResourceMapBlob>(request);
  if (map && type == CommandType::RESOURCE_MAP_BLOB && !IsError(response)) {
    return Map(token, map->resource_id, map->offset, std::move(response));
  }
  const auto of = ReadStruct<wire::ResourceRequest>(request);
  const bool unmaps =
      type == CommandType::RESOURCE_UNMAP_BLOB || type == CommandType::RESOURCE_UNREF;
  if (of && unmaps && windows_.contains(of->resource_id) && !IsError(response)) {
    return Unmap(token, of->resource_id, std::move(response));
  }
  Finish(token, std::move(response));
  // A context that goes takes its fences with it, and no descriptor tells of that.
  if (type == CommandType::CTX_DESTROY) device_->PollFences();
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
  for (auto& [number, wait] : window_waits_) {
    if (wait.response.fence == fence) return wait.response.fence.reset();
  }
}

uint64_t GuestServer::WaitForWindow(WindowWait wait) {
  window_waits_.emplace(next_wait_, std::move(wait));
  return next_wait_++;
}

std::optional<GuestServer::WindowWait> GuestServer::TakeWait(uint64_t wait) {
  const auto node = window_waits_.extract(wait);
  return node.empty() ? std::nullopt : std::optional(std::move(node.mapped()));
}

// The device has mapped the blob; now the front-end does, and then the guest has its response.
void GuestServer::Map(const vhost::RequestToken& token, uint32_t resource_id, uint64_t offset,
                      Response response) {
  const uint64_t size = device_->MappedOf(resource_id).size();
  windows_[resource_id] = {offset, size};
  const uint64_t wait = WaitForWindow({token, std::move(response), resource_id, true});
  const UniqueFd memory(device_->ExportBlob(resource_id));
  session_->MapWindow(memory.get(), 0, offset, size, true,
                      [this, wait](bool ok) { Mapped(wait, ok); });
}

void GuestServer::Mapped(uint64_t number, bool ok) {
  auto wait = TakeWait(number);
  if (!wait) return;
  if (ok) return Finish(wait->token, std::move(wait->response));
  // Nobody asked for this; it undoes what the front-end could not do.
  if (windows_.erase(wait->resource_id) > 0) {
    auto unmap = MakeRequest<wire::ResourceRequest>(CommandType::RESOURCE_UNMAP_BLOB);
    unmap.resource_id = wait->resource_id;
    (void)Execute(Queue::kControl, StructBytes(unmap), true);
  }
  const auto header =
      ReadStruct<wire::CtrlHeader>(wait->response.bytes).value_or(wire::CtrlHeader());
  wait->response.bytes = EncodeResponse(ResponseType::ERR_UNSPEC, header);
  Finish(wait->token, std::move(wait->response));
}

// The device has let go of the blob; the front-end's mapping is of a descriptor of its own, and
// goes before the guest has its response.
void GuestServer::Unmap(const vhost::RequestToken& token, uint32_t resource_id, Response response) {
  const Window window = windows_.extract(resource_id).mapped();
  const uint64_t number = WaitForWindow({token, std::move(response), resource_id, false});
  session_->UnmapWindow(window.offset, window.size, [this, number](bool) {
    if (auto wait = TakeWait(number)) Finish(wait->token, std::move(wait->response));
  });
}

// What waits for the window is answered without it: what is not mapped yet is taken not to be.
void GuestServer::DrainWindow() {
  while (!window_waits_.empty()) {
    const auto& [number, wait] = *window_waits_.begin();
    if (wait.maps) {
      const auto window = windows_.find(wait.resource_id);
      if (window != windows_.end()) {
        session_->UnmapWindow(window->second.offset, window->second.size, [](bool) {});
      }
      Mapped(number, false);
    } else if (auto taken = TakeWait(number)) {
      Finish(taken->token, std::move(taken->response));
    }
  }
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
      auto read =
          device_->ReadPixels(state.resource_id, state.rect.x, state.rect.y, state.rect.width,
                              state.rect.height, tap_->Taken(state.resource_id));
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
  const uint64_t number = next_deferred_++;
  deferred_.push_back({request.token, {request.bytes.begin(), request.bytes.end()}, number});
  if (const auto edid = ReadStruct<wire::GetEdid>(request.bytes);
      edid && type == CommandType::GET_EDID && edid->scanout < kMaxScanouts) {
    display_->GetEdid(edid->scanout, [this, scanout = edid->scanout](const wire::RespEdid* answer) {
      if (answer != nullptr) TakeEdid(scanout, *answer);
    });
  }
  // Asked last, and always answered: what the front-end has no answer for is passed over by it.
  display_->GetDisplayInfo([this, number](const wire::RespDisplayInfo* answer) {
    if (answer != nullptr) TakeDisplayInfo(*answer);
    RunDeferred(number);
  });
  return true;
}

// In the order of the requests, which is that of the answers. What the display did not say is as it
// was before.
void GuestServer::RunDeferred(uint64_t last) {
  while (!deferred_.empty() && deferred_.front().number <= last) {
    const Deferred request = std::move(deferred_.front());
    deferred_.pop_front();
    Serve(request.token, request.bytes);
  }
}

void GuestServer::Drain(uint32_t queue) {
  if (queue == 0) {
    RunDeferred(next_deferred_);
    DrainWindow();
  }
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
