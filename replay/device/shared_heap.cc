// The dedicated heap: where the guest places resources by itself.
#include <algorithm>

#include "replay/device/handlers.h"
#include "replay/device/memory.h"

namespace vgpu {

namespace {

// HeapMetadata::flags
constexpr uint32_t kHeapReadOnly = 1u << 0;

bool Touches(const DedicatedHeap& heap, const BackingEntry& entry) {
  if (entry.length == 0) return false;
  if (entry.address >= heap.base) return entry.address - heap.base < heap.size;
  return heap.base - entry.address < entry.length;
}

bool Touches(const DedicatedHeap& heap, std::span<const BackingEntry> entries) {
  return std::ranges::any_of(entries,
                             [&heap](const BackingEntry& entry) { return Touches(heap, entry); });
}

// Context 0 is the guest's driver itself. It places for contexts that the host does not know yet,
// so what it places has an owner of its own, the resource.
std::optional<HeapOwner> OwnerOf(DeviceState& device, uint64_t resource_owner, uint32_t ctx_id) {
  if (ctx_id == 0) return HeapOwner{resource_owner, false};
  const ContextState* context = device.FindContext(ctx_id);
  return context == nullptr ? std::nullopt : std::optional(HeapOwner{context->owner, true});
}

// A resource lies in the heap with all of its bytes, in one piece.
ResponseType PlaceInHeap(DeviceState& device, uint32_t resource_id, HeapOwner owner,
                         std::span<const BackingEntry> entries) {
  const DedicatedHeap& heap = *device.heap;
  if (entries.size() != 1 || entries[0].address < heap.base) {
    return ResponseType::ERR_INVALID_PARAMETER;
  }
  const auto placed =
      device.account->Place(resource_id, owner, entries[0].address - heap.base, entries[0].length);
  return placed ? ResponseType::OK_NODATA : ErrorOf(device, placed.error());
}

}  // namespace

ResponseType AttachMemory(DeviceState& device, const AttachWish& wish,
                          std::span<const BackingEntry> entries) {
  const uint32_t id = wish.resource_id;
  // A resource that has a backing keeps it, and its place.
  const bool in_heap = device.heap && !device.memory->Has(id) && Touches(*device.heap, entries);
  if (in_heap) {
    const auto whose = OwnerOf(device, wish.owner, wish.ctx_id);
    if (!whose) return ResponseType::ERR_INVALID_CONTEXT_ID;
    if (const auto placed = PlaceInHeap(device, id, *whose, entries);
        placed != ResponseType::OK_NODATA) {
      return placed;
    }
  }
  if (const auto attached = device.memory->Attach(id, entries, wish.use); !attached) {
    if (in_heap) device.account->Release(id);
    return ErrorOf(device, attached.error());
  }
  return ResponseType::OK_NODATA;
}

ResponseType CheckHeapOwner(DeviceState& device, uint32_t resource_id, uint32_t ctx_id) {
  if (ctx_id == 0 || !device.account || !device.account->Has(resource_id)) {
    return ResponseType::OK_NODATA;
  }
  const ContextState* context = device.FindContext(ctx_id);
  const bool owns = context != nullptr && context->owner == device.account->OwnerOf(resource_id);
  return owns ? ResponseType::OK_NODATA : ResponseType::ERR_INVALID_CONTEXT_ID;
}

void DropPlacements(DeviceState& device) {
  if (!device.heap) return;
  for (const auto& [id, resource] : device.resources) {
    if (Touches(*device.heap, device.memory->GuestEntries(id))) DropBacking(device, id);
  }
}

Reply Handle(On<CommandType::ALLOCATION_METADATA>, DeviceState& device,
             const wire::AllocationMetadata& request, const Call&) {
  if (!device.heap) return Reply::Refuse(ResponseType::ERR_UNSPEC);
  const DedicatedHeap& heap = *device.heap;
  wire::RespAllocationMetadata response;
  if (request.request_size != 0 || request.response_size < sizeof(response.heap)) {
    return Reply::Refuse(ResponseType::ERR_INVALID_PARAMETER);
  }
  response.request_id = request.request_id;
  response.response_size = sizeof(response.heap);
  response.heap.heap_id = heap.id;
  response.heap.flags = heap.read_only ? kHeapReadOnly : 0;
  response.heap.base = heap.base;
  response.heap.size = heap.size;
  response.heap.granularity = heap.granularity;
  response.heap.cache_mode = heap.cache_mode;
  return Reply::With(ResponseType::OK_ALLOCATION_METADATA, response);
}

}  // namespace vgpu
