// Records what a device is told and what it answers: the source of a trace that infers nothing.
//
// A command is Before (the device executes it) After; what it shows follows with Frame. One thread.
// Where nobody records, all of it does nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "capture/ring/connection.h"
#include "capture/ring/frame_checks.h"
#include "capture/ring/mapped_memory.h"
#include "capture/ring/record_stream.h"
#include "capture/server/heap_offer.h"
#include "capture/vhost_user/memory_table.h"
#include "format/protocol/decode.h"
#include "format/protocol/gpu_device.h"

namespace vgpu {

// What a trace says of the device and the renderer behind it.
struct DeviceFacts {
  uint32_t scanouts = 0;
  uint64_t max_memory = 0, max_host_memory = 0;  // bytes

  std::string library;  // its name and version
  std::string gl_vendor, gl_renderer, gl_version;
  struct Capset {
    uint32_t id = 0, version = 0;
    std::vector<std::byte> data;
  };
  std::vector<Capset> capsets;
  bool draft_2019 = false;
};

class DeviceTap {
 public:
  // `connection`: to the recorder; nullptr where there is none.
  DeviceTap(const GpuDevice& device, DeviceFacts facts, std::unique_ptr<Connection> connection);
  ~DeviceTap();

  bool records() const { return connection_ != nullptr && !connection_->ring().stopped(); }

  // The features that a driver took. The trace begins with the first; nothing is recorded before.
  // `window_bytes`: of the host-visible window that the front-end takes.
  void Features(uint64_t features, uint64_t window_bytes);
  // `heap`: what of it is the dedicated heap, if anything.
  void Memory(const vhost::MemoryTable& memory, const std::optional<FoundHeap>& heap);
  void Display(uint32_t scanout, const vgpu::Display& display);

  // `inferred`: no guest sent it. What is returned is the memory that the device is to take instead
  // of the guest's, which may change between two reads: what is recorded is what is transferred.
  // Valid until the next call.
  std::span<const MemoryUpdate> Before(const Command& command, bool inferred);
  void After(Bytes response);
  // Whether the next frame is to come with its pixels. `at_hand`: they are read anyway, which is
  // waited for unless every frame is wanted.
  bool WantsPixels(bool at_hand);
  // What was recorded of a blob in guest memory that is shown, to be read instead of it; empty for
  // what is no such blob.
  Bytes Taken(uint32_t resource_id) const { return scanned_out_.CopyOf(resource_id); }
  // A presentation by the command that just ended. `pixels` may be nullptr.
  void Frame(uint32_t scanout, const ScanoutState& state, const Pixels* pixels);
  void Signalled(const FenceId& fence);
  void Reset();

 private:
  struct Access {
    uint32_t resource_id = 0;
    ByteBox box;
    bool reads = false;  // by the command; else it writes
  };

  void FindAccesses(const DecodedRequest& request);
  void FindTransfer(uint32_t resource_id, const Transfer& transfer, bool to_host);
  void FindStream(const DecodedRequest& request);
  void SampleShared(const DecodedRequest& request);
  void SampleBlob(uint32_t resource_id);
  bool IsShown(uint32_t resource_id) const;
  const Backing& BackingOf(uint32_t resource_id);
  void AnnounceMemory();
  void AnnounceHeap();
  uint32_t HeapOf(const vhost::MemoryFile& file);
  void RecordMemory();
  void RecordPlaces(const DecodedRequest& request);
  void Follow(const DecodedRequest& request, bool ok);

  const GpuDevice& device_;
  const DeviceFacts facts_;
  std::unique_ptr<Connection> connection_;
  std::optional<RecordStream> out_;
  std::optional<FrameChecks> checks_;
  bool begun_ = false;  // the session is written
  std::vector<vhost::MemoryTable::RegionPlace> memory_;
  std::vector<vhost::MemoryFile> heaps_;  // heap id - 1
  std::optional<FoundHeap> heap_;
  bool heap_told_ = false;                          // the recording has one
  std::vector<ring::GuestRegionEntry> regions_;     // of guest memory
  MappedMemory mapped_;                             // host-visible blobs
  MappedMemory scanned_out_;                        // blobs in guest memory that are shown
  std::unordered_map<uint32_t, Backing> backings_;  // as they were looked up
  std::vector<Access> accesses_;                    // of the command at hand
  std::vector<std::byte> copied_;                   // what its transfer takes
  std::vector<MemoryUpdate> taken_;                 // the same, for the device
  std::optional<DecodedRequest> request_;           // the same; nothing where it makes no sense
  std::vector<uint32_t> words_;
};

}  // namespace vgpu
