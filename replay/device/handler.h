// What a command's handler gets and gives.
#pragma once

#include <cstddef>
#include <vector>

#include "format/protocol/virtio_gpu.h"

namespace vgpu {

// Names a command in an overload: the handler of NAME is Handle(On<CommandType::NAME>, ...).
template <CommandType kType>
struct On {};

// A command beside its fixed struct.
struct Call {
  wire::CtrlHeader header;
  Bytes trailing;              // what follows the struct
  bool has_transient = false;  // its transfer goes to memory of its own (MemoryUpdate::transient)
};

struct Reply {
  ResponseType type = ResponseType::OK_NODATA;
  // The whole response, its header still empty; no bytes where a header is all of it.
  std::vector<std::byte> body;
  // Whether a fence that the command asks for is to be made. A guest's mistake is answered at once;
  // what reached the renderer is fenced whatever the renderer said, as QEMU does.
  bool fenced = true;

  static Reply Ok() { return {}; }
  template <typename Struct>
  static Reply With(ResponseType type, const Struct& response) {
    const Bytes bytes = StructBytes(response);
    return {type, {bytes.begin(), bytes.end()}, true};
  }
  // The guest's mistake: nothing was done.
  static Reply Refuse(ResponseType error) { return {error, {}, false}; }
  // `result` is the renderer's own answer; it does not say which argument it disliked.
  static Reply OfRenderer(int result) {
    return {result == 0 ? ResponseType::OK_NODATA : ResponseType::ERR_UNSPEC, {}, true};
  }
};

}  // namespace vgpu
