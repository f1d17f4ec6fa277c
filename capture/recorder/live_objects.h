// What lives in a renderer: the contexts and resources that its commands made.
//
// A reset destroys them with no command for each; a trace needs those commands, or a replay would
// meet ids that are still taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "format/protocol/wire.h"

namespace vgpu {

class LiveObjects {
 public:
  // Follows one answered command; both in wire format.
  void Note(Bytes request, Bytes response);
  // The requests that destroy all that lives, contexts first; nothing lives after it.
  std::vector<std::vector<std::byte>> DestroyAll();

 private:
  std::set<uint32_t> contexts_;
  std::set<uint32_t> resources_;
};

}  // namespace vgpu
