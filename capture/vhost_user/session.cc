#include "capture/vhost_user/session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "format/protocol/limits.h"

namespace vgpu::vhost {

namespace {

Status CheckPages(const char* what, uint64_t bytes) {
  const auto page = static_cast<uint64_t>(getpagesize());
  if (bytes % page == 0) return {};
  return MakeError(ErrorCode::kFailed,
                   fmt::format("a {} of {} bytes is not whole pages of {}", what, bytes, page));
}

}  // namespace

Result<std::unique_ptr<Session>> Session::Create(EventLoop& loop, UniqueFd socket,
                                                 const DeviceDescription& device,
                                                 RequestHandler& handler) {
  if (Status window = CheckPages("host-visible window", device.host_visible_bytes); !window) {
    return tl::unexpected(window.error());
  }
  if (Status heap = CheckPages("heap", device.heap_bytes); !heap) {
    return tl::unexpected(heap.error());
  }
  std::unique_ptr<Session> session(new Session(loop, std::move(socket), device, handler));
  if (Status status =
          loop.Add(session->channel_.descriptor(), [raw = session.get()] { raw->OnReadable(); });
      !status) {
    return tl::unexpected(status.error());
  }
  return session;
}

Session::Session(EventLoop& loop, UniqueFd socket, const DeviceDescription& device,
                 RequestHandler& handler)
    : loop_(loop), channel_(std::move(socket)), device_(device), handler_(handler) {
  for (uint32_t i = 0; i < kQueueCount; ++i) {
    vrings_[i] = std::make_unique<Vring>(loop, [this, i](const Status& kicked) {
      kicked ? ServeQueue(i) : BreakQueue(i, kicked.error());
    });
  }
}

Session::~Session() {
  window_.reset();
  End(std::nullopt);
}

void Session::End(std::optional<Error> error) {
  if (ended_) return;
  ended_ = true;
  error_ = std::move(error);
  loop_.Remove(channel_.descriptor());
  for (const auto& vring : vrings_) vring->Stop();
  if (window_) window_->Close();
}

void Session::OnReadable() {
  while (!ended_) {
    Message message;
    const auto arrival = channel_.Receive(message);
    if (!arrival) return End(arrival.error());
    if (*arrival == Arrival::kNothingYet) return;
    if (*arrival == Arrival::kEnd) return End(std::nullopt);
    if (Status status = Serve(message); !status) return End(status.error());
  }
}

Status Session::Serve(Message& message) {
  const uint32_t request = message.header.request;
  const Status checked = Check(message);
  const Reply reply = checked ? Dispatch(message) : Reply(tl::unexpected(checked.error()));
  const RequestInfo* info = FindRequest(request);
  if (reply && info->reply == ReplyKind::kPayload) return channel_.Reply(request, *reply);
  const bool acknowledged = message.needs_reply() && Negotiated(ProtocolFeature::REPLY_ACK) &&
                            (info == nullptr || info->reply == ReplyKind::kNone);
  if (!reply && !acknowledged) return tl::unexpected(reply.error());
  if (!reply) handler_.OnProblem(reply.error());
  if (!acknowledged) return {};
  return channel_.Reply(request, PayloadBytes<uint64_t>(reply ? 0 : 1));
}

Session::Reply Session::Dispatch(Message& message) {
  switch (static_cast<Request>(message.header.request)) {
#define VGPU_VHOST_REQUEST(NAME, value, min_bytes, max_bytes, max_fds, Reply_, Handler) \
  case Request::NAME:                                                                   \
    return Handler(message);
#include "capture/vhost_user/messages.def"
    default:
      break;
  }
  return MakeError(ErrorCode::kFailed, RequestName(message.header.request) + " is not served");
}

bool Session::Negotiated(ProtocolFeature feature) const {
  return (protocol_features_ & static_cast<uint64_t>(feature)) != 0;
}

void Session::ServeQueue(uint32_t index) {
  Vring& vring = *vrings_[index];
  for (uint32_t turn = 0; turn <= limits::kMaxQueueSize; ++turn) {
    if (!vring.serves()) return;
    const auto request = vring.queue().Take(memory_, (features_ & kFeatureIndirect) != 0);
    if (!request) return BreakQueue(index, request.error());
    if (*request) {
      handler_.OnRequest(
          {{index, (*request)->head, (*request)->serial}, (*request)->bytes, (*request)->capacity});
    } else if (!vring.queue().ArmKick()) {
      return;
    }
  }
  vring.KickAgain();  // the messages of the front-end and the other queue have their turn
}

void Session::Complete(const RequestToken& token, Bytes response) {
  if (token.queue >= kQueueCount || !vrings_[token.queue]->running()) return;
  Vring& vring = *vrings_[token.queue];
  const auto finished = vring.queue().Finish(memory_, token.head, token.serial, response);
  if (!finished) return BreakQueue(token.queue, finished.error());
  if (*finished && vring.queue().WantsCall()) vring.Call();
}

void Session::BreakQueue(uint32_t index, const Error& why) {
  vrings_[index]->Break();
  handler_.OnProblem({why.code, fmt::format("queue {} is broken: {}", index, why.message)});
}

}  // namespace vgpu::vhost
