// Resources and their backings, blob resources included.
#include <cstdint>

#include "capture/shim/exports.h"
#include "capture/shim/real_library.h"
#include "capture/shim/recording.h"
#include "capture/shim/turn.h"

namespace vgpu::shim {

namespace {

void BeginResource(Recording& recording, CommandType type, uint32_t resource_id) {
  auto request = MakeRequest<wire::ResourceRequest>(type);
  request.resource_id = resource_id;
  recording.Begin(request);
}

wire::ResourceCreate3d CreateRequest(const virgl_renderer_resource_create_args& args) {
  auto request = MakeRequest<wire::ResourceCreate3d>(CommandType::RESOURCE_CREATE_3D);
  request.resource_id = args.handle;
  request.target = args.target;
  request.format = args.format;
  request.bind = args.bind;
  request.width = args.width;
  request.height = args.height;
  request.depth = args.depth;
  request.array_size = args.array_size;
  request.last_level = args.last_level;
  request.nr_samples = args.nr_samples;
  request.flags = args.flags;
  return request;
}

void EndCreate(Recording& recording, const wire::ResourceCreate3d& request, const iovec* iov,
               uint32_t iov_count, bool ok) {
  recording.End(ok);
  if (!ok) return;
  Resource& resource = recording.Create(request.resource_id);
  resource.has_shape = true;
  resource.shape = ShapeOf(request);
  if (iov == nullptr || iov_count == 0) return;
  // On the wire, memory given at creation is a command of its own.
  recording.BeginAttach(request.resource_id, iov, iov_count);
  recording.End(true);
  resource.backing = Backing(iov, iov_count);
}

// The library is about to take the mapping away: the last sample of it.
void EndSampling(Recording& recording, uint32_t resource_id) {
  if (!recording.mapped().Has(resource_id)) return;
  recording.SampleMapped();
  recording.mapped().Unmap(resource_id);
}

void BeginUnref(Recording& recording, uint32_t resource_id) {
  EndSampling(recording, resource_id);
  BeginResource(recording, CommandType::RESOURCE_UNREF, resource_id);
  const Resource* resource = recording.Find(resource_id);
  if (resource != nullptr && !resource->backing.empty()) {
    recording.out().Places(resource_id, false, {});
  }
}

void BeginDetach(Recording& recording, uint32_t resource_id) {
  recording.segments().SawCall();
  const Resource* resource = recording.Find(resource_id);
  // QEMU detaches before each unref, whether there is a backing or not.
  if (resource == nullptr || resource->backing.empty()) return;
  BeginResource(recording, CommandType::RESOURCE_DETACH_BACKING, resource_id);
  recording.out().Places(resource_id, false, {});
}

void EndDetach(Recording& recording, uint32_t resource_id) {
  recording.End(true);
  if (Resource* resource = recording.Find(resource_id)) resource->backing = Backing();
}

void BeginBlob(Recording& recording, const virgl_renderer_resource_create_blob_args& args) {
  const Recording::Entries list = recording.PlaceEntries(args.iovecs, args.num_iovs);
  auto request =
      MakeRequest<wire::ResourceCreateBlob>(CommandType::RESOURCE_CREATE_BLOB, args.ctx_id);
  request.resource_id = args.res_handle;
  request.blob_mem = args.blob_mem;
  request.blob_flags = args.blob_flags;
  request.nr_entries = static_cast<uint32_t>(list.entries.size());
  request.blob_id = args.blob_id;
  request.size = args.size;
  recording.Begin(request, list.bytes());
  if (!list.places.empty()) recording.out().Places(args.res_handle, true, list.places);
}

void BeginMap(Recording& recording, uint32_t resource_id) {
  // Where in the guest's window it goes is decided outside of the library.
  auto request = MakeRequest<wire::ResourceMapBlob>(CommandType::RESOURCE_MAP_BLOB);
  request.resource_id = resource_id;
  recording.Begin(request);
}

uint32_t MapInfoOf(uint32_t resource_id) {
  ErrnoKeeper keep;
  uint32_t map_info = 0;
  return real::virgl_renderer_resource_get_map_info(resource_id, &map_info) == 0 ? map_info : 0;
}

// Where a call of one of the two map functions put the resource.
struct Mapped {
  int result = 0;
  void* base = nullptr;
  uint64_t size = 0;  // 0: as large as the blob
};

// Both map functions; `map` calls the real one.
template <typename Map>
int RecordMap(uint32_t resource_id, Map map) {
  uint32_t map_info = 0;
  Mapped mapped;
  return Recorded([&](Recording& r) { BeginMap(r, resource_id); },
                  [&] {
                    mapped = map();
                    if (mapped.result == 0) map_info = MapInfoOf(resource_id);
                    return mapped.result;
                  },
                  [&](Recording& r, int result) {
                    if (result != 0) return r.End(false);
                    wire::RespMapInfo response;
                    response.map_info = map_info;
                    r.End(response, ResponseType::OK_MAP_INFO);
                    const Resource* resource = r.Find(resource_id);
                    const uint64_t whole = resource == nullptr ? 0 : resource->blob_bytes;
                    const iovec memory = {mapped.base, mapped.size == 0 ? whole : mapped.size};
                    r.mapped().Map(resource_id, Backing(&memory, 1), true);
                  });
}

void BeginUnmap(Recording& recording, uint32_t resource_id) {
  EndSampling(recording, resource_id);
  BeginResource(recording, CommandType::RESOURCE_UNMAP_BLOB, resource_id);
}

}  // namespace

namespace exported {

int virgl_renderer_resource_create(virgl_renderer_resource_create_args* create, iovec* iov,
                                   uint32_t iov_count) noexcept {
  const auto real_call = [&] {
    return real::virgl_renderer_resource_create(create, iov, iov_count);
  };
  if (create == nullptr) return real_call();
  const wire::ResourceCreate3d request = CreateRequest(*create);
  return Recorded(
      [&](Recording& r) { r.Begin(request); }, real_call,
      [&](Recording& r, int result) { EndCreate(r, request, iov, iov_count, result == 0); });
}

void virgl_renderer_resource_unref(uint32_t resource_id) noexcept {
  Recorded([&](Recording& r) { BeginUnref(r, resource_id); },
           [&] { real::virgl_renderer_resource_unref(resource_id); },
           [&](Recording& r) {
             r.End(true);
             r.Destroy(resource_id);
           });
}

int virgl_renderer_resource_attach_iov(int resource_id, iovec* iov, int iov_count) noexcept {
  const auto id = static_cast<uint32_t>(resource_id);
  const std::size_t count = iov_count > 0 ? static_cast<std::size_t>(iov_count) : 0;
  return Recorded(
      [&](Recording& r) { r.BeginAttach(id, iov, count); },
      [&] { return real::virgl_renderer_resource_attach_iov(resource_id, iov, iov_count); },
      [&](Recording& r, int result) {
        r.End(result == 0);
        Resource* resource = result == 0 ? r.Find(id) : nullptr;
        if (resource != nullptr) resource->backing = Backing(iov, count);
      });
}

void virgl_renderer_resource_detach_iov(int resource_id, iovec** iov, int* iov_count) noexcept {
  const auto id = static_cast<uint32_t>(resource_id);
  Recorded([&](Recording& r) { BeginDetach(r, id); },
           [&] { real::virgl_renderer_resource_detach_iov(resource_id, iov, iov_count); },
           [&](Recording& r) { EndDetach(r, id); });
}

int virgl_renderer_resource_create_blob(
    const virgl_renderer_resource_create_blob_args* create) noexcept {
  const auto real_call = [&] { return real::virgl_renderer_resource_create_blob(create); };
  if (create == nullptr) return real_call();
  return Recorded([&](Recording& r) { BeginBlob(r, *create); }, real_call,
                  [&](Recording& r, int result) {
                    r.End(result == 0);
                    if (result != 0) return;
                    Resource& resource = r.Create(create->res_handle);
                    resource.backing = Backing(create->iovecs, create->num_iovs);
                    resource.blob_bytes = create->size;
                  });
}

int virgl_renderer_resource_map(uint32_t resource_id, void** map, uint64_t* size) noexcept {
  return RecordMap(resource_id, [&] {
    Mapped mapped = {real::virgl_renderer_resource_map(resource_id, map, size)};
    if (mapped.result == 0) mapped = {0, *map, *size};
    return mapped;
  });
}

int virgl_renderer_resource_map_fixed(uint32_t resource_id, void* address) noexcept {
  return RecordMap(resource_id, [&] {
    return Mapped{real::virgl_renderer_resource_map_fixed(resource_id, address), address};
  });
}

int virgl_renderer_resource_unmap(uint32_t resource_id) noexcept {
  return Recorded([&](Recording& r) { BeginUnmap(r, resource_id); },
                  [&] { return real::virgl_renderer_resource_unmap(resource_id); },
                  [&](Recording& r, int result) { r.End(result == 0); });
}

}  // namespace exported

}  // namespace vgpu::shim
