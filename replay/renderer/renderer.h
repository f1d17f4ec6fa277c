// What the device needs of a renderer library, and nothing more.
//
// Three implementations: virglrenderer on surfaceless EGL, one in plain memory that knows 2D only,
// and a null one that accepts everything.
// Return values are the library's: 0 is success, anything else its error (an errno, of either
// sign). Single-threaded; fences are reported from inside PollFences only.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "format/protocol/command_sink.h"
#include "format/protocol/error.h"
#include "format/protocol/texture_export.h"
#include "format/protocol/transfer_layout.h"

namespace vgpu {

struct RendererInfo {
  std::string name;     // "virglrenderer", "software" or "null"
  std::string version;  // of the library that the program was built with
  std::string gl_vendor, gl_renderer, gl_version;
  std::string library;  // the one that is loaded: LoadedLibrary; empty where it is the program's own
};

struct CapsetInfo {
  uint32_t id = 0;
  uint32_t max_version = 0;
  uint32_t max_size = 0;
};

class Renderer {
 public:
  virtual ~Renderer() = default;

  virtual RendererInfo Info() const = 0;
  virtual CapsetInfo GetCapset(uint32_t id) = 0;  // max_size 0 where there is none
  virtual std::vector<std::byte> FillCapset(uint32_t id, uint32_t version) = 0;

  // Called at the start of every command, as QEMU does.
  virtual void ForceContext0() = 0;

  virtual int CreateContext(uint32_t ctx_id, uint32_t context_init, const std::string& name) = 0;
  virtual void DestroyContext(uint32_t ctx_id) = 0;
  virtual int CreateResource(uint32_t resource_id, const ResourceShape& shape) = 0;
  virtual void UnrefResource(uint32_t resource_id) = 0;
  virtual int AttachBacking(uint32_t resource_id, std::span<iovec> entries) = 0;
  virtual void DetachBacking(uint32_t resource_id) = 0;
  virtual void AttachResource(uint32_t ctx_id, uint32_t resource_id) = 0;
  virtual void DetachResource(uint32_t ctx_id, uint32_t resource_id) = 0;
  // `dwords` is writable because the library's signature is; it is a private copy.
  virtual int Submit(uint32_t ctx_id, std::span<uint32_t> dwords) = 0;

  // Transfers; `iov` empty means the resource's own backing.
  virtual int TransferToHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                             std::span<iovec> iov) = 0;
  virtual int TransferFromHost(uint32_t resource_id, uint32_t ctx_id, const Transfer& transfer,
                               std::span<iovec> iov) = 0;

  virtual int CreateBlob(const wire::ResourceCreateBlob& request, uint32_t ctx_id,
                         std::span<iovec> entries) = 0;
  virtual int MapBlob(uint32_t resource_id, std::span<std::byte>& out) = 0;
  virtual int UnmapBlob(uint32_t resource_id) = 0;
  virtual int MapInfo(uint32_t resource_id, uint32_t& out) = 0;
  // A descriptor of a blob's memory that another process can map, the caller's to close.
  virtual int ExportBlob(uint32_t resource_id, int& fd) = 0;

  // A texture that another process can draw. Refused where the renderer cannot know that its driver
  // exports, and for what is no texture.
  virtual int ExportTexture(uint32_t resource_id, TextureExport& out) = 0;

  // A fence after everything submitted so far.
  virtual int CreateFence(const FenceId& fence) = 0;
  // Reports fences that completed, in order. Blocks up to `timeout_ms` for the first (0: not at
  // all).
  virtual void PollFences(int timeout_ms) = 0;
  // Readable where PollFences has something to report; -1 where fences are done when they are made.
  virtual int FenceDescriptor() const = 0;

  // Forgets the fences that wait. Contexts and resources are destroyed one by one before it.
  virtual void Reset() = 0;
};

using FenceCallback = std::function<void(const FenceId&)>;
// Gets the warnings and errors that the library words itself, a line each without its end.
using LogCallback = std::function<void(const std::string&)>;

// kUnavailable with a sentence where there is no EGL, or no context can be made. One at a time in
// a process, because the library has one state. An empty `log`: the library writes to stderr.
// `render_node`: the DRM device to draw with, such as "/dev/dri/renderD128"; kUsage where it cannot
// be opened. Without one EGL chooses.
Result<std::unique_ptr<Renderer>> CreateVirglRenderer(FenceCallback on_fence, LogCallback log = {},
                                                      const std::string& render_node = {});
// Needs no EGL. Makes what RESOURCE_CREATE_2D makes and blobs of guest memory, and moves their
// pixels; the rest it refuses: EINVAL, or ENOMEM where there is no memory for a resource.
std::unique_ptr<Renderer> CreateSoftwareRenderer(FenceCallback on_fence);
std::unique_ptr<Renderer> CreateNullRenderer(FenceCallback on_fence);

}  // namespace vgpu
