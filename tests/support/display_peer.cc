#include "tests/support/display_peer.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "capture/vhost_user/messages.h"

namespace vgpu::test {

using vhost::DisplayHeader;
using vhost::DisplayMessage;
using vhost::PayloadAs;
using vhost::PayloadBytes;

void DisplayPeer::Forget() {
  in_.clear();
  descriptors_.clear();
  textures.clear();
  texture_updates.clear();
  scanouts.clear();
  cursors.clear();
  updates.clear();
  scanout_messages = 0;
}

void DisplayPeer::Serve(int socket) {
  if (asleep || socket < 0) return;
  Receive(socket);
  while (ServeOne(socket)) {
  }
}

void DisplayPeer::Receive(int socket) {
  std::byte part[65536];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  while (true) {
    iovec into = {part, sizeof(part)};
    msghdr message = {};
    message.msg_iov = &into;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    const ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got <= 0) return;
    in_.insert(in_.end(), part, part + got);
    if (const cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(item), sizeof(fd));
      descriptors_.emplace_back(fd);
    }
  }
}

bool DisplayPeer::ServeOne(int socket) {
  if (in_.size() < sizeof(DisplayHeader)) return false;
  const auto header = PayloadAs<DisplayHeader>(in_);
  if (in_.size() - sizeof(header) < header.size) return false;
  const auto begin = in_.begin() + sizeof(header);
  const std::vector<std::byte> payload(begin, begin + header.size);
  in_.erase(in_.begin(), begin + header.size);
  const auto message = static_cast<DisplayMessage>(header.message);
  Take(message, payload);
  Answer(socket, message);
  return true;
}

void DisplayPeer::Take(DisplayMessage message, const std::vector<std::byte>& payload) {
  switch (message) {
    case DisplayMessage::SCANOUT: {
      const auto scanout = PayloadAs<vhost::ScanoutPayload>(payload);
      const std::size_t pixels = std::size_t{scanout.width} * scanout.height;
      scanouts[scanout.scanout] = {scanout.width, scanout.height, std::vector<uint32_t>(pixels)};
      ++scanout_messages;
      return;
    }
    case DisplayMessage::UPDATE:
      return Draw(payload);
    case DisplayMessage::DMABUF_SCANOUT:
      return TakeTexture(payload);
    case DisplayMessage::DMABUF_UPDATE:
      texture_updates.push_back(PayloadAs<vhost::UpdatePayload>(payload));
      return;
    case DisplayMessage::CURSOR_POS:
    case DisplayMessage::CURSOR_POS_HIDE:
    case DisplayMessage::CURSOR_UPDATE:
      return TakeCursor(message, payload);
    case DisplayMessage::GET_DISPLAY_INFO:
      ++questions;
      return;
    case DisplayMessage::GET_PROTOCOL_FEATURES:
    case DisplayMessage::SET_PROTOCOL_FEATURES:
    case DisplayMessage::GET_EDID:
      return;
  }
  faults.push_back("unknown message " + std::to_string(static_cast<uint32_t>(message)));
}

void DisplayPeer::Draw(const std::vector<std::byte>& payload) {
  const auto place = PayloadAs<vhost::UpdatePayload>(payload);
  Scanout& scanout = scanouts[place.scanout];
  const std::size_t bytes = std::size_t{place.width} * place.height * 4;
  if (uint64_t{place.x} + place.width > scanout.width ||
      uint64_t{place.y} + place.height > scanout.height ||
      payload.size() != sizeof(place) + bytes) {
    faults.push_back("an update outside of scanout " + std::to_string(place.scanout));
    return;
  }
  for (uint32_t row = 0; row < place.height; ++row) {
    std::memcpy(&scanout.pixels[std::size_t{place.y + row} * scanout.width + place.x],
                payload.data() + sizeof(place) + std::size_t{row} * place.width * 4,
                std::size_t{place.width} * 4);
  }
  updates.push_back(place);
}

// One without a size has no descriptor.
void DisplayPeer::TakeTexture(const std::vector<std::byte>& payload) {
  Texture texture = {PayloadAs<vhost::DmabufScanoutPayload>(payload), 0};
  scanouts.erase(texture.shown.scanout);
  textures.erase(texture.shown.scanout);
  if (texture.shown.width == 0) return;
  if (descriptors_.empty() || pread(descriptors_.front().get(), &texture.resource_id, 4, 0) != 4) {
    return faults.push_back("a texture that cannot be read");
  }
  descriptors_.pop_front();
  textures[texture.shown.scanout] = texture;
}

void DisplayPeer::TakeCursor(DisplayMessage message, const std::vector<std::byte>& payload) {
  const auto position = PayloadAs<vhost::CursorPosition>(payload);
  Cursor& cursor = cursors[position.scanout];
  cursor.visible = message != DisplayMessage::CURSOR_POS_HIDE;
  cursor.x = position.x;
  cursor.y = position.y;
  if (message != DisplayMessage::CURSOR_UPDATE) return;
  const auto whole = PayloadAs<vhost::CursorPayload>(payload);
  cursor.hot_x = whole.hot_x;
  cursor.hot_y = whole.hot_y;
  cursor.pixels.resize((payload.size() - sizeof(whole)) / 4);
  std::memcpy(cursor.pixels.data(), payload.data() + sizeof(whole), cursor.pixels.size() * 4);
}

void DisplayPeer::Reply(int socket, DisplayMessage message, Bytes payload) {
  const DisplayHeader header = {static_cast<uint32_t>(message), vhost::kDisplayFlagReply,
                                static_cast<uint32_t>(payload.size())};
  std::vector<std::byte> bytes = PayloadBytes(header);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  if (send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) faults.push_back("hung up");
}

void DisplayPeer::Answer(int socket, DisplayMessage message) {
  if (message == DisplayMessage::GET_PROTOCOL_FEATURES) {
    return Reply(socket, message, PayloadBytes<uint64_t>(has_edid ? 1 : 0));
  }
  if (message == DisplayMessage::DMABUF_UPDATE && !is_drawing) Reply(socket, message, {});
  if (keeps_quiet) return;
  if (message == DisplayMessage::GET_DISPLAY_INFO) Reply(socket, message, StructBytes(info));
  if (message == DisplayMessage::GET_EDID) Reply(socket, message, StructBytes(edid));
}

}  // namespace vgpu::test
