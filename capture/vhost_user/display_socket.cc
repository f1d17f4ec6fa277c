#include "capture/vhost_user/display_socket.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "capture/vhost_user/messages.h"
#include "format/protocol/limits.h"

namespace vgpu::vhost {

namespace {

constexpr uint64_t kPixelBytes = 4;
constexpr std::size_t kCursorBytes = kCursorSide * kCursorSide * kPixelBytes;

std::size_t ReplyBytes(DisplayMessage message) {
  switch (message) {
#define VGPU_DISPLAY_MESSAGE(NAME, value, reply_bytes) \
  case DisplayMessage::NAME:                           \
    return reply_bytes;
#include "capture/vhost_user/display_messages.def"
  }
  return 0;
}

tl::unexpected<Error> Failed(std::string message) {
  return MakeError(ErrorCode::kFailed, std::move(message));
}

bool Inside(uint32_t start, uint32_t size, uint32_t whole) {
  return start <= whole && size <= whole - start;
}

Status CheckScanout(const ScanoutPayload& scanout) {
  if (scanout.scanout >= kMaxScanouts ||
      std::max(scanout.width, scanout.height) > limits::kMaxTextureSide) {
    return Failed(fmt::format(
        "scanout {} of {} x {} pixels cannot be: there are {}, with sides up "
        "to {}",
        scanout.scanout, scanout.width, scanout.height, kMaxScanouts, limits::kMaxTextureSide));
  }
  return {};
}

Status CheckInside(const UpdatePayload& place, const ScanoutPayload& scanout) {
  if (Inside(place.x, place.width, scanout.width) &&
      Inside(place.y, place.height, scanout.height)) {
    return {};
  }
  return Failed(fmt::format(
      "the update of {} x {} pixels at {}, {} is outside scanout {} of {} "
      "x {}",
      place.width, place.height, place.x, place.y, place.scanout, scanout.width, scanout.height));
}

}  // namespace

Result<std::unique_ptr<DisplaySocket>> DisplaySocket::Create(EventLoop& loop, UniqueFd socket,
                                                             DisplayListener& listener) {
  std::unique_ptr<DisplaySocket> display(new DisplaySocket(loop, std::move(socket), listener));
  if (Status status = display->socket_.Watch([raw = display.get()] { raw->OnReady(); }); !status) {
    return tl::unexpected(status.error());
  }
  display->Ask(DisplayMessage::GET_PROTOCOL_FEATURES, {},
               [raw = display.get()](Bytes answer) { raw->TakeFeatures(answer); });
  return display;
}

void DisplaySocket::TakeFeatures(Bytes answer) {
  features_ = PayloadAs<uint64_t>(answer) & kDisplayFeatureEdid;
  if (!answer.empty()) {
    Queue(DisplayMessage::SET_PROTOCOL_FEATURES, PayloadBytes(*features_));
  }
  for (const auto& call : std::exchange(after_features_, {})) call();
}

void DisplaySocket::Queue(DisplayMessage message, Bytes payload, std::size_t more) {
  if (lost_) return;
  const DisplayHeader header = {static_cast<uint32_t>(message), 0,
                                static_cast<uint32_t>(payload.size() + more)};
  idle_ = pending_bytes() == 0;
  socket_.Append(PayloadBytes(header));
  socket_.Append(payload);
  if (more == 0) FlushIfIdle();
}

// What waits already is sent when the display takes writes, which is when it is told of too.
void DisplaySocket::FlushIfIdle() {
  if (idle_) socket_.Flush();
}

bool DisplaySocket::Tell(DisplayMessage message, Bytes payload) {
  if (behind()) return false;
  Queue(message, payload);
  return true;
}

void DisplaySocket::Ask(DisplayMessage message, Bytes payload, std::function<void(Bytes)> answer) {
  if (lost_) return answer({});
  questions_.push_back({message, ReplyBytes(message), std::move(answer)});
  Queue(message, payload);
}

void DisplaySocket::GetDisplayInfo(DisplayInfoAnswer answer) {
  if (!features_ && !lost_) {  // questions about EDIDs wait for them: it stays behind those
    after_features_.push_back([this, answer = std::move(answer)] { GetDisplayInfo(answer); });
    return;
  }
  Ask(DisplayMessage::GET_DISPLAY_INFO, {}, [answer = std::move(answer)](Bytes bytes) {
    const auto info = ReadStruct<wire::RespDisplayInfo>(bytes);
    answer(info ? &*info : nullptr);
  });
}

void DisplaySocket::GetEdid(uint32_t scanout, EdidAnswer answer) {
  if (!features_ && !lost_) {
    after_features_.push_back(
        [this, scanout, answer = std::move(answer)] { GetEdid(scanout, answer); });
    return;
  }
  if (lost_ || (*features_ & kDisplayFeatureEdid) == 0) return answer(nullptr);
  Ask(DisplayMessage::GET_EDID, PayloadBytes(scanout), [answer = std::move(answer)](Bytes bytes) {
    const auto edid = ReadStruct<wire::RespEdid>(bytes);
    answer(edid ? &*edid : nullptr);
  });
}

Result<bool> DisplaySocket::SetScanout(const ScanoutPayload& scanout) {
  if (Status checked = CheckScanout(scanout); !checked) return tl::unexpected(checked.error());
  if (!Tell(DisplayMessage::SCANOUT, PayloadBytes(scanout))) return false;
  scanouts_[scanout.scanout] = scanout;
  return true;
}

Result<bool> DisplaySocket::Update(const UpdatePayload& place, Bytes pixels, std::size_t stride) {
  const uint64_t row = place.width * kPixelBytes;
  const uint64_t bytes = row * place.height;
  const ScanoutPayload scanout =
      place.scanout < kMaxScanouts ? scanouts_[place.scanout] : ScanoutPayload{};
  if (Status checked = CheckInside(place, scanout); !checked) {
    return tl::unexpected(checked.error());
  }
  if (bytes > limits::kMaxCheckedFrameBytes) {
    return Failed(fmt::format("an update of {} bytes is larger than the limit of {}", bytes,
                              limits::kMaxCheckedFrameBytes));
  }
  if (bytes == 0) return true;
  if (stride < row || pixels.size() < row ||
      (pixels.size() - row) / stride < place.height - uint64_t{1}) {
    return Failed(fmt::format("an update of {} rows of {} bytes, {} apart, has {} bytes of pixels",
                              place.height, row, stride, pixels.size()));
  }
  if (behind()) return false;
  if (lost_) return true;
  Queue(DisplayMessage::UPDATE, PayloadBytes(place), bytes);
  for (uint32_t y = 0; y < place.height; ++y) socket_.Append(pixels.subspan(y * stride, row));
  FlushIfIdle();
  return true;
}

Result<bool> DisplaySocket::SetDmabufScanout(const DmabufScanoutPayload& scanout,
                                             UniqueFd texture) {
  const ScanoutPayload shown = {scanout.scanout, scanout.width, scanout.height};
  if (Status checked = CheckScanout(shown); !checked) return tl::unexpected(checked.error());
  if (!Inside(scanout.x, scanout.width, scanout.texture_width) ||
      !Inside(scanout.y, scanout.height, scanout.texture_height)) {
    return Failed(
        fmt::format("scanout {} of {} x {} pixels at {}, {} is outside its texture of {} x {}",
                    scanout.scanout, scanout.width, scanout.height, scanout.x, scanout.y,
                    scanout.texture_width, scanout.texture_height));
  }
  if (behind()) return false;
  if (lost_) return true;
  if (texture) socket_.AppendFd(std::move(texture));
  Queue(DisplayMessage::DMABUF_SCANOUT, PayloadBytes(scanout));
  scanouts_[scanout.scanout] = {};
  textures_[scanout.scanout] = shown;
  return true;
}

Result<bool> DisplaySocket::UpdateDmabuf(const UpdatePayload& place, std::function<void()> done) {
  const ScanoutPayload texture =
      place.scanout < kMaxScanouts ? textures_[place.scanout] : ScanoutPayload{};
  if (Status checked = CheckInside(place, texture); !checked) {
    return tl::unexpected(checked.error());
  }
  if (behind()) return false;
  Ask(DisplayMessage::DMABUF_UPDATE, PayloadBytes(place),
      [done = std::move(done)](Bytes) { done(); });
  return true;
}

bool DisplaySocket::MoveCursor(const CursorPosition& position) {
  return Tell(DisplayMessage::CURSOR_POS, PayloadBytes(position));
}

bool DisplaySocket::HideCursor(const CursorPosition& position) {
  return Tell(DisplayMessage::CURSOR_POS_HIDE, PayloadBytes(position));
}

Result<bool> DisplaySocket::SetCursor(const CursorPayload& cursor, Bytes pixels) {
  if (pixels.size() != kCursorBytes) {
    return Failed(
        fmt::format("a cursor has {} bytes of pixels, this one {}", kCursorBytes, pixels.size()));
  }
  std::vector<std::byte> payload = PayloadBytes(cursor);
  payload.insert(payload.end(), pixels.begin(), pixels.end());
  return Tell(DisplayMessage::CURSOR_UPDATE, payload);
}

void DisplaySocket::OnReady() {
  const auto open = Read();
  if (!open) return Lose(open.error());
  if (Status status = TakeReplies(); !status) return Lose(status.error());
  if (!*open) return Lose(std::nullopt);
  const bool was_behind = pending_bytes() > 0;
  socket_.Flush();
  if (was_behind && pending_bytes() == 0) listener_.OnDisplayDrained();
}

Result<bool> DisplaySocket::Read() {
  while (true) {
    const auto arrival = socket_.Read(in_, "the display's socket");
    if (!arrival) return tl::unexpected(arrival.error());
    if (*arrival != Arrival::kMessage) return *arrival == Arrival::kNothingYet;
    if (Status status = TakeReplies(); !status) return tl::unexpected(status.error());
  }
}

Status DisplaySocket::TakeReplies() {
  while (in_.size() >= sizeof(DisplayHeader)) {
    const auto header = PayloadAs<DisplayHeader>(in_);
    const auto message = static_cast<DisplayMessage>(header.message);
    const auto asked = std::ranges::find(questions_, message, &Question::message);
    if (asked == questions_.end() || (header.flags & kDisplayFlagReply) == 0 ||
        header.size != asked->reply_bytes) {
      return Failed(
          fmt::format("the display sends message {} with flags {:#x} and {} bytes, which "
                      "answers nothing that it was asked",
                      header.message, header.flags, header.size));
    }
    if (in_.size() - sizeof(header) < header.size) return {};
    const std::vector<std::byte> payload(in_.begin() + sizeof(header),
                                         in_.begin() + sizeof(header) + header.size);
    in_.erase(in_.begin(), in_.begin() + sizeof(header) + header.size);
    while (questions_.front().message != message) {
      const Question unanswered = std::move(questions_.front());
      questions_.pop_front();
      unanswered.answer({});
    }
    const Question answered = std::move(questions_.front());
    questions_.pop_front();
    answered.answer(payload);
  }
  return {};
}

void DisplaySocket::Lose(const std::optional<Error>& error) {
  socket_.Close();
  lost_ = true;
  for (const Question& question : std::exchange(questions_, {})) question.answer({});
  for (const auto& call : std::exchange(after_features_, {})) call();
  listener_.OnDisplayLost(error);
}

}  // namespace vgpu::vhost
