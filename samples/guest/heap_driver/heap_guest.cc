#include "heap_guest.h"

#include <algorithm>
#include <utility>

#include "report.h"

namespace {

constexpr uint16_t kVirtio = 0x1af4, kGpu = 0x1050, kInterVmMemory = 0x1110;
constexpr uint32_t kMemoryBar = 2;  // of ivshmem: its memory

PciDevice Need(uint16_t id, const char* what) {
  auto found = PciDevice::Find(kVirtio, id);
  if (!found) Fail("there is no PCI device %04x:%04x, %s", kVirtio, id, what);
  return *found;
}

uint32_t PatternAt(uint32_t seed, uint32_t column, uint32_t row) {
  const uint32_t red = (column + 16 * seed) & 0xff;
  // Rows tell themselves apart at their beginning, so that a recording of them stays small.
  const uint32_t green = ((column == 0 ? row : row / 16 * 16) + 8 * seed) & 0xff;
  const uint32_t blue = (column / 256 * 37 + row / 32 * 101 + seed * 59) & 0xff;
  return 0xff000000 | red << 16 | green << 8 | blue;
}

}  // namespace

HeapGuest::HeapGuest() : gpu_(Need(kGpu, "a virtio-gpu")), vram_(0) {
  const PciDevice memory = Need(kInterVmMemory, "an ivshmem that is the pool");
  memory.Enable();
  pool_ = memory.MapBar(kMemoryBar, true);
  base_ = memory.BarAt(kMemoryBar).address;
  vram_ = Vram(pool_.size());
  Say("the pool is BAR %u of %s, %zu bytes at 0x%llx", kMemoryBar, memory.name().c_str(),
      pool_.size(), static_cast<unsigned long long>(base_));
  CheckDescriptor();
  Say("the device %s VIRGL", gpu_.has_virgl() ? "has" : "lacks");
}

HeapGuest::~HeapGuest() {
  ShowNothing();
  Keep({});
}

// Where the device knows of the heap, it must be this one.
void HeapGuest::CheckDescriptor() {
  const auto heap = gpu_.DescribeHeap();
  if (!heap) return Say("the device does not describe the heap");
  is_described_ = true;
  const auto base = static_cast<unsigned long long>(heap->base);
  const auto size = static_cast<unsigned long long>(heap->size);
  const auto granularity = static_cast<unsigned long long>(heap->granularity);
  Say("the device describes heap %u: %llu bytes at 0x%llx, granularity %llu, cache mode %u, %s",
      heap->heap_id, size, base, granularity, heap->cache_mode,
      (heap->flags & 1) != 0 ? "read only" : "writable");
  if (base != base_ || size != pool_.size())
    Fail("the heap that the device describes is not the pool");
  if (granularity == 0 || kPageSize % granularity != 0) {
    Fail("the heap's granularity is %llu, and the pages are of %llu bytes", granularity,
         static_cast<unsigned long long>(kPageSize));
  }
  if ((heap->flags & 1) != 0) Fail("the heap is read only, and nothing can be drawn in it");
}

std::optional<Range> HeapGuest::TryAllocate(uint64_t size, Placement placement) {
  return vram_.Allocate(size, placement);
}

Range HeapGuest::Allocate(uint64_t size, Placement placement) {
  const auto range = TryAllocate(size, placement);
  if (!range) Fail("the pool has no room for %llu bytes", static_cast<unsigned long long>(size));
  return *range;
}

void HeapGuest::Place(const Resource& resource) {
  gpu_.Attach(resource.id,
              {AddressOf(resource.place.offset), static_cast<uint32_t>(resource.place.size)});
}

Resource HeapGuest::MakePicture(uint32_t format, uint32_t columns, uint32_t rows,
                                Placement placement) {
  Resource made{NewId(), columns, rows};
  made.place = Allocate(made.bytes(), placement);
  gpu_.Create2d(made.id, format, columns, rows);
  Place(made);
  return made;
}

Resource HeapGuest::MakeTarget(uint32_t columns, uint32_t rows) {
  Resource made{NewId(), columns, rows};
  made.place = Allocate(made.bytes(), Placement::kTopDown);
  gpu_.Create3d({.resource_id = made.id,
                 .target = kTarget2d,
                 .format = kFormatBgrx,
                 .bind = kBindRenderTarget | kBindSamplerView | kBindScanout,
                 .width = columns,
                 .height = rows});
  Place(made);
  return made;
}

std::optional<Resource> HeapGuest::TryMake(bool is_buffer, uint32_t columns, uint32_t rows) {
  Resource made{NewId(), columns, rows, is_buffer};
  const auto place = TryAllocate(made.bytes(), Placement::kBestFit);
  if (!place) return {};
  made.place = *place;
  if (is_buffer) {
    gpu_.Create3d({.resource_id = made.id,
                   .target = kTargetBuffer,
                   .format = kFormatR8,
                   .bind = kBindVertexBuffer,
                   .width = static_cast<uint32_t>(made.bytes()),
                   .height = 1});
  } else {
    gpu_.Create2d(made.id, kFormatBgra, columns, rows);
  }
  Place(made);
  return made;
}

void HeapGuest::Free(const Resource& resource) {
  gpu_.Detach(resource.id);
  gpu_.Unref(resource.id);
  Free(resource.place);
}

void HeapGuest::Move(Resource* resource) {
  const Range old = resource->place;
  resource->place = Allocate(resource->bytes(), Placement::kBestFit);
  Clear(*resource);
  gpu_.Detach(resource->id);
  Place(*resource);
  Free(old);
}

std::span<uint32_t> HeapGuest::WordsOf(const Resource& resource) const {
  return {reinterpret_cast<uint32_t*>(pool_.data() + resource.place.offset),
          static_cast<std::size_t>(resource.bytes() / 4)};
}

void HeapGuest::Draw(const Resource& resource, uint32_t seed) const {
  uint32_t* word = WordsOf(resource).data();
  for (uint32_t row = 0; row < resource.rows; ++row) {
    for (uint32_t column = 0; column < resource.columns; ++column) {
      *word++ = PatternAt(seed, column, row);
    }
  }
}

uint64_t HeapGuest::CountWrong(const Resource& resource, uint32_t seed) const {
  uint64_t wrong = 0;
  const uint32_t* word = WordsOf(resource).data();
  for (uint32_t row = 0; row < resource.rows; ++row) {
    for (uint32_t column = 0; column < resource.columns; ++column) {
      wrong += *word++ != PatternAt(seed, column, row);
    }
  }
  return wrong;
}

void HeapGuest::Clear(const Resource& resource) const { std::ranges::fill(WordsOf(resource), 0); }

bool HeapGuest::IsClear(const Resource& resource) const {
  return std::ranges::all_of(WordsOf(resource), [](uint32_t word) { return word == 0; });
}

void HeapGuest::Upload(const Resource& resource) {
  if (resource.is_buffer) {
    gpu_.TransferToHost3d(resource.id, static_cast<uint32_t>(resource.bytes()), 1);
  } else {
    gpu_.TransferToHost2d(resource.id, resource.columns, resource.rows);
  }
}

void HeapGuest::ReadBack(const Resource& resource) {
  if (resource.is_buffer) {
    gpu_.TransferFromHost3d(resource.id, static_cast<uint32_t>(resource.bytes()), 1);
  } else {
    gpu_.TransferFromHost3d(resource.id, resource.columns, resource.rows);
  }
}

void HeapGuest::Show(const Resource& picture) {
  gpu_.SetScanout(picture.id, picture.columns, picture.rows);
  gpu_.Flush(picture.id, picture.columns, picture.rows);
}

void HeapGuest::Keep(std::vector<Resource> resources) {
  kept_.swap(resources);
  for (const Resource& old : resources) Free(old);
}

void HeapGuest::ShowNothing() { gpu_.SetScanout(0, 0, 0); }
