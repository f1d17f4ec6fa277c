// The memory behind resources, as commands and checks see it.
#pragma once

#include <span>
#include <vector>

#include "replay/device/state.h"

namespace vgpu {

// A resource's bytes that the guest shares where they are one piece: its backing as it is rebuilt,
// or its blob where that is mapped. Empty where it has neither.
std::span<std::byte> SharedBytesOf(DeviceState& device, uint32_t resource_id);

// Where the guest has a view of a mapped blob: copies `box` of what the renderer wrote into it.
Status RefreshView(DeviceState& device, uint32_t resource_id, const ByteBox& box);

// The bytes of `box` in what the guest shares, packed, wherever its pieces lie.
Result<std::vector<std::byte>> TakeShared(DeviceState& device, uint32_t resource_id,
                                          const ByteBox& box);

// Puts a command's memory in place: bytes of a backing into it, transient ones into a memory of
// their own, zeroed around them. kUnreadable where they do not fit. Bytes of a resource that has no
// memory are dropped: the renderer refused it, and the command that wants them is answered so.
Status ApplyMemory(DeviceState& device, const MemoryUpdate& update);

// `count` mem entries. ERR_INVALID_PARAMETER as a refusal: too many, or more than `trailing` holds.
tl::expected<std::vector<BackingEntry>, ResponseType> TakeEntries(uint32_t count, Bytes trailing);

// Writes zeros into a buffer that the renderer has just made (DeviceOptions::clear_buffers). The
// renderer's answer; where it is not 0 the renderer has let go of the resource.
int ClearNew(DeviceState& device, uint32_t id, const ResourceShape& shape);

// Gives a resource its backing: a place in the dedicated heap, where an entry lies there, else
// memory as the guest has it. The error of a backing that cannot be, or OK_NODATA.
struct AttachWish {
  uint32_t resource_id = 0;
  uint32_t ctx_id = 0;  // that the command names
  uint64_t owner = 0;   // ResourceState::owner
  BackingUse use = BackingUse::kOrdinary;
};
ResponseType AttachMemory(DeviceState& device, const AttachWish& wish,
                          std::span<const BackingEntry> entries);

// The error of a command that names a context and would end a place in the heap of another one's,
// or OK_NODATA.
ResponseType CheckHeapOwner(DeviceState& device, uint32_t resource_id, uint32_t ctx_id);

// All backings in the dedicated heap go, with a place or without.
void DropPlacements(DeviceState& device);

// The renderer lets go of the backing, then the memory goes.
void DropBacking(DeviceState& device, uint32_t resource_id);

// The memory goes; the renderer never had it.
void ForgetBacking(DeviceState& device, uint32_t resource_id);

// The renderer maps and unmaps a blob, which the window takes down with the time that it took; the
// renderer's answer. Where the guest gets a view of the blob it is there from then on.
int MapBlob(DeviceState& device, uint32_t resource_id, uint64_t offset, BlobState& blob);
int UnmapBlob(DeviceState& device, uint32_t resource_id, BlobState& blob);

// The renderer lets go of all of a resource, and its memory goes.
void ReleaseResource(DeviceState& device, uint32_t resource_id, ResourceState& resource);

// The answer to a guest whose entries the memory refuses. A memory that is full is no guest's
// mistake: the device cannot go on.
ResponseType ErrorOf(DeviceState& device, const HeapError& error);

}  // namespace vgpu
