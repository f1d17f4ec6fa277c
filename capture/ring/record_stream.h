// Writes the records of capture/ring/records.h, one method a kind, in the order that header asks
// for. Its user sees to it that one thread at a time is in it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "capture/ring/records.h"
#include "capture/ring/ring.h"
#include "format/protocol/backing.h"
#include "format/protocol/virtio_gpu.h"
#include "format/protocol/wire.h"

namespace vgpu {

class RecordStream {
 public:
  explicit RecordStream(RingWriter& ring) : ring_(ring) {}

  void Session(ring::SessionRecord record, std::string_view library, std::string_view host);
  void Gl(std::string_view vendor, std::string_view renderer, std::string_view version);
  void Capset(uint32_t id, uint32_t version, Bytes data);
  // False where it was dropped.
  bool Heap(const ring::HeapRecord& heap, std::string_view name);

  // The bytes of a box that `backing` covers, straight from where they lie. False where some of it
  // is not recorded: it was dropped, or another thread is inside a command.
  bool Memory(uint32_t resource_id, ring::MemoryKind kind, const Backing& backing,
              const ByteBox& box);
  // The same from a copy of the box's bytes, packed.
  bool Memory(uint32_t resource_id, ring::MemoryKind kind, Bytes packed, const ByteBox& box);
  // Memory of this size that the next command will write.
  void TransientSpace(uint32_t resource_id, uint64_t size);

  // A command begins: its request is `fixed`, then `trailing`. False where it is not recorded: the
  // ring is full under the drop policy, or another thread is inside a command. Then nothing of it
  // is, and End, Readback and Frame do nothing. Waiting for the other thread instead could wait for
  // ever: it may wait for this one, inside the library.
  bool Begin(Bytes fixed, Bytes trailing, Queue queue, bool inferred);
  bool in_command() const;
  void Places(uint32_t resource_id, bool attach, std::span<const ring::PlaceEntry> places);
  void End(Bytes fixed, Bytes trailing);
  // After End; belongs to the command that just ended. Nothing where that End was dropped.
  void Readback(uint32_t resource_id, bool transient, const ByteBox& box, const Digest& digest);
  void Frame(const ring::FrameRecord& record);

  void Fence(const ring::FenceRecord& record);
  void FenceRefused(const ring::FenceRecord& record);
  void Signalled(const ring::SignalledRecord& record);
  // Between commands.
  void Features(uint64_t features);
  void Display(const ring::DisplayRecord& record, Bytes edid);
  void GuestMemory(std::span<const ring::GuestRegionEntry> regions);
  void DedicatedHeap(const ring::DedicatedHeapRecord& heap);
  void Reset();

 private:
  template <typename Record>
  bool Put(ring::RecordType type, const Record& record, std::span<const Bytes> parts);
  template <typename Visit>
  static void ForEachPiece(const ByteBox& box, const Visit& visit);
  bool MemoryPiece(uint32_t resource_id, ring::MemoryKind kind, const Backing& backing,
                   const ByteBox& box);
  bool Mine() const;

  RingWriter& ring_;
  // The thread whose command is open, or was the last to end; by the address of a thread-local.
  const void* owner_ = nullptr;
  bool open_ = false;
};

}  // namespace vgpu
