// Flushes that a VMM's calls imply, and what they show.
#pragma once

namespace vgpu::shim {

// How the program's calls end a control command.
enum class SegmentEnd {
  kNext,    // force_ctx_0: the next one begins
  kClosed,  // a fence, a poll, or a call outside of control commands
};

// Tells the recording that a control command ends here. Where that was a flush, records it and its
// frame, whose content is read back as often as the recorder asked for. Called before the
// program's own call reaches the library, by the thread that makes the calls; may make GL's
// context 0 current, as virgl_renderer_poll and force_ctx_0 do. Does nothing in a nested call.
void EndSegment(SegmentEnd end);

}  // namespace vgpu::shim
