// The display of a front-end, for tests: answers what the device asks, and keeps what it is shown.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "capture/io/unique_fd.h"
#include "capture/vhost_user/display_messages.h"
#include "format/protocol/virtio_gpu.h"

namespace vgpu::test {

class DisplayPeer {
 public:
  struct Scanout {
    uint32_t width = 0, height = 0;
    std::vector<uint32_t> pixels;  // x8r8g8b8, width * height; 0 where nothing was shown
    uint32_t At(uint32_t x, uint32_t y) const { return pixels.at(y * width + x) & 0xffffff; }
  };
  struct Cursor {
    bool visible = false;
    uint32_t x = 0, y = 0, hot_x = 0, hot_y = 0;
    std::vector<uint32_t> pixels;  // a8r8g8b8
  };

  struct Texture {
    vhost::DmabufScanoutPayload shown;
    uint32_t resource_id = 0;  // as the texture's first bytes say (WatchedRenderer)
  };

  // Reads what has come on `socket`, this end's, and answers it. A message that makes no sense is
  // a line of `faults`.
  void Serve(int socket);
  // A new socket: nothing of the last one is known.
  void Forget();
  // Where it `is_drawing`: answers one update of a texture.
  void AnswerDrawing(int socket) { Reply(socket, vhost::DisplayMessage::DMABUF_UPDATE, {}); }

  std::map<uint32_t, Scanout> scanouts;
  std::map<uint32_t, Cursor> cursors;
  std::map<uint32_t, Texture> textures;               // by scanout
  std::vector<vhost::UpdatePayload> texture_updates;  // in their order
  std::vector<vhost::UpdatePayload> updates;          // in their order
  int scanout_messages = 0;
  int questions = 0;  // for display info
  std::vector<std::string> faults;

  // What it says of itself.
  wire::RespDisplayInfo info;
  wire::RespEdid edid;       // of each scanout
  bool has_edid = false;     // whether it is a feature of it
  bool asleep = false;       // reads nothing
  bool is_drawing = false;   // answers no update of a texture
  bool keeps_quiet = false;  // reads, and answers no question for display info

 private:
  void Receive(int socket);
  bool ServeOne(int socket);
  void Take(vhost::DisplayMessage message, const std::vector<std::byte>& payload);
  void Draw(const std::vector<std::byte>& payload);
  void TakeTexture(const std::vector<std::byte>& payload);
  void TakeCursor(vhost::DisplayMessage message, const std::vector<std::byte>& payload);
  void Reply(int socket, vhost::DisplayMessage message, Bytes payload);
  void Answer(int socket, vhost::DisplayMessage message);

  std::vector<std::byte> in_;
  std::deque<UniqueFd> descriptors_;  // that came and were not taken
};

}  // namespace vgpu::test
