// The display of a front-end: the vhost-user-gpu socket that GPU_SET_SOCKET hands over.
//
// It never blocks. The front-end reads it on the thread on which it waits for answers of the
// session, and not at all while its own window is busy: whoever waited for it would wait for ever.
// So what it does not take yet is kept, and its answers come by callback.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "capture/io/event_loop.h"
#include "capture/io/unique_fd.h"
#include "capture/vhost_user/buffered_socket.h"
#include "capture/vhost_user/display_messages.h"
#include "format/protocol/error.h"
#include "format/protocol/wire.h"

namespace vgpu::vhost {

// Called from the event loop.
class DisplayListener {
 public:
  virtual ~DisplayListener() = default;
  // The front-end has taken all that was kept for it.
  virtual void OnDisplayDrained() = 0;
  // It has hung up, as it does each time that the driver stops, or, with an error, sends what makes
  // no sense. What waits for an answer has been told already.
  virtual void OnDisplayLost(const std::optional<Error>& error) = 0;
};

// One thread, that of `loop`. Loop and listener outlive it; it is not destroyed from inside a call
// of either. Once lost, it takes everything and does nothing.
class DisplaySocket {
 public:
  // Takes the socket and asks the front-end what it can do.
  static Result<std::unique_ptr<DisplaySocket>> Create(EventLoop& loop, UniqueFd socket,
                                                       DisplayListener& listener);

  // Each answer, once: nullptr where the display is lost or gives none.
  using DisplayInfoAnswer = std::function<void(const wire::RespDisplayInfo*)>;
  void GetDisplayInfo(DisplayInfoAnswer answer);
  // nullptr also where the front-end has no EDID. QEMU does not answer for a scanout that it lacks;
  // an unanswered question is noticed when a later one of another kind is answered.
  using EdidAnswer = std::function<void(const wire::RespEdid*)>;
  void GetEdid(uint32_t scanout, EdidAnswer answer);

  // What follows is false, and nothing is sent, while the front-end is behind by more than
  // kMaxBacklog: OnDisplayDrained says when to send the whole state again.

  // A scanout's size; 0 x 0 turns it off. kFailed for a scanout of kMaxScanouts or more, or a side
  // above limits::kMaxTextureSide.
  Result<bool> SetScanout(const ScanoutPayload& scanout);
  // The pixels of a rectangle of a scanout: rows of width * 4 bytes (x8r8g8b8), each `stride` bytes
  // after the one before. kFailed where the rectangle is not inside the scanout (it would be drawn
  // outside the front-end's picture) or larger than limits::kMaxCheckedFrameBytes, or where
  // `pixels` has less.
  Result<bool> Update(const UpdatePayload& place, Bytes pixels, std::size_t stride);
  // A scanout shows a part of a texture, which may be out of date until its update; no descriptor:
  // it shows none any more. Its size in pixels is forgotten. kFailed where the part is not inside
  // the texture, and as for SetScanout.
  Result<bool> SetDmabufScanout(const DmabufScanoutPayload& scanout, UniqueFd texture);
  // A rectangle of a scanout's texture is another. `done`: the front-end has drawn it, or never
  // will. kFailed where the rectangle is not inside the scanout.
  Result<bool> UpdateDmabuf(const UpdatePayload& place, std::function<void()> done);
  bool MoveCursor(const CursorPosition& position);
  bool HideCursor(const CursorPosition& position);
  // kCursorSide * kCursorSide pixels (a8r8g8b8); kFailed for another number.
  Result<bool> SetCursor(const CursorPayload& cursor, Bytes pixels);

  static constexpr std::size_t kMaxBacklog = 16u << 20;
  // What the front-end has not taken yet.
  std::size_t pending_bytes() const { return socket_.pending_bytes(); }
  bool lost() const { return lost_; }

 private:
  struct Question {
    DisplayMessage message;
    std::size_t reply_bytes;
    std::function<void(Bytes)> answer;  // empty bytes: there is none
  };

  DisplaySocket(EventLoop& loop, UniqueFd socket, DisplayListener& listener)
      : socket_(loop, std::move(socket)), listener_(listener) {}

  bool behind() const { return pending_bytes() > kMaxBacklog; }
  bool Tell(DisplayMessage message, Bytes payload);
  void Queue(DisplayMessage message, Bytes payload, std::size_t more = 0);
  void Ask(DisplayMessage message, Bytes payload, std::function<void(Bytes)> answer);
  void FlushIfIdle();
  void TakeFeatures(Bytes answer);
  void OnReady();
  Result<bool> Read();  // false: hung up
  Status TakeReplies();
  void Lose(const std::optional<Error>& error);

  BufferedSocket socket_;
  DisplayListener& listener_;
  bool lost_ = false;
  bool idle_ = true;  // nothing waited when the message at hand was begun
  std::optional<uint64_t> features_;
  std::vector<std::function<void()>> after_features_;
  std::array<ScanoutPayload, kMaxScanouts> scanouts_ = {};
  std::array<ScanoutPayload, kMaxScanouts> textures_ = {};
  std::deque<Question> questions_;
  std::vector<std::byte> in_;
};

}  // namespace vgpu::vhost
