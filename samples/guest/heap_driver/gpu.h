// The device's commands, one function each.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "virtio_gpu.h"
#include "wire.h"

// What a resource is for the renderer: Gallium's targets and bindings, virtio-gpu's formats.
inline constexpr uint32_t kTargetBuffer = 0, kTarget2d = 2;
inline constexpr uint32_t kBindRenderTarget = 1 << 1, kBindSamplerView = 1 << 3,
                          kBindVertexBuffer = 1 << 4, kBindScanout = 1 << 18;
inline constexpr uint32_t kFormatBgra = 1, kFormatBgrx = 2, kFormatR8 = 64;

// A command that is answered with an error ends the program with a sentence, unless it returns the
// answer. Transfers and streams are done when they return. One thread.
class Gpu {
 public:
  explicit Gpu(PciDevice pci) : device_(std::move(pci)) {}

  bool has_virgl() const { return device_.has_virgl(); }

  // Of display 0.
  wire::Rect DisplaySize();
  // None where the device does not know the question.
  std::optional<wire::HeapDescriptor> DescribeHeap();

  void Create2d(uint32_t resource, uint32_t format, uint32_t width, uint32_t height);
  void Create3d(wire::Create3d request);  // its header is filled in
  void Unref(uint32_t resource);
  // These two, in the name of a context, return the response's type.
  uint32_t TryAttach(uint32_t resource, std::span<const wire::Entry> entries, uint32_t context = 0);
  uint32_t TryDetach(uint32_t resource, uint32_t context);
  void Attach(uint32_t resource, wire::Entry entry);
  void Detach(uint32_t resource);

  void TransferToHost2d(uint32_t resource, uint32_t width, uint32_t height);
  void TransferToHost3d(uint32_t resource, uint32_t width, uint32_t height);
  void TransferFromHost3d(uint32_t resource, uint32_t width, uint32_t height);
  // On scanout 0; resource 0 shows nothing.
  void SetScanout(uint32_t resource, uint32_t width, uint32_t height);
  void Flush(uint32_t resource, uint32_t width, uint32_t height);

  void CreateContext(uint32_t context);
  void DestroyContext(uint32_t context);
  void AttachToContext(uint32_t context, uint32_t resource);
  void DetachFromContext(uint32_t context, uint32_t resource);
  void Submit(uint32_t context, std::span<const uint32_t> stream);

  void UpdateCursor(uint32_t resource, uint32_t x, uint32_t y);
  void MoveCursor(uint32_t x, uint32_t y);

 private:
  // Fills the header in, sends `request` with `tail` behind it, and returns the response's type.
  template <typename Request>
  uint32_t Send(wire::Command command, Request& request, std::span<std::byte> response,
                std::span<const std::byte> tail = {});
  template <typename Request>
  void Must(wire::Command command, const char* name, Request request,
            std::span<const std::byte> tail = {});

  VirtioGpu device_;
  uint64_t last_fence_ = 0;
};
