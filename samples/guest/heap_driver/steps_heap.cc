#include <algorithm>
#include <random>
#include <vector>

#include "report.h"
#include "steps.h"

namespace {

struct Live {
  Resource resource;
  uint32_t seed;
};

using LiveList = std::vector<Live>;

bool Overlap(Range a, Range b) {
  return a.offset < b.offset + b.size && b.offset < a.offset + a.size;
}

// Neither the allocator is believed, nor the device that clears.
void ExpectPlace(const HeapGuest& guest, const Resource& made, const LiveList& live) {
  const Range place = made.place;
  if (place.offset % kPageSize != 0 || place.size < made.bytes() ||
      place.offset + place.size > guest.pool_size()) {
    Fail("churn: resource %u cannot be at offset %llu of the pool", made.id,
         static_cast<unsigned long long>(place.offset));
  }
  for (const Live& other : live) {
    if (Overlap(place, other.resource.place)) {
      Fail("churn: resources %u and %u overlap", made.id, other.resource.id);
    }
  }
  if (guest.is_described() && !guest.IsClear(made)) {
    Fail("churn: resource %u has bytes of what was there before", made.id);
  }
}

// Back from the host, where the device can do that; else as the guest left it in the pool.
void ExpectContent(HeapGuest* guest, const Live& one) {
  if (guest->gpu().has_virgl()) {
    guest->Clear(one.resource);
    guest->ReadBack(one.resource);
  }
  if (const auto wrong = guest->CountWrong(one.resource, one.seed); wrong != 0) {
    Fail("churn: resource %u comes back with %llu of %llu words wrong", one.resource.id,
         static_cast<unsigned long long>(wrong),
         static_cast<unsigned long long>(one.resource.bytes() / 4));
  }
}

void Retire(HeapGuest* guest, LiveList* live, std::size_t index) {
  ExpectContent(guest, (*live)[index]);
  guest->Free((*live)[index].resource);
  live->erase(live->begin() + static_cast<std::ptrdiff_t>(index));
}

// Textures from 8 x 8 to 256 x 256 and buffers up to 128 KiB: most are small, few are large.
std::optional<Resource> MakeAny(HeapGuest* guest, std::mt19937* random) {
  const bool is_buffer = guest->gpu().has_virgl() && (*random)() % 3 == 0;
  if (is_buffer) return guest->TryMake(true, 64 + (*random)() % (1u << (*random)() % 16), 1);
  const uint32_t columns = 8 << (*random)() % 6, rows = 8 << (*random)() % 6;
  return guest->TryMake(false, columns, rows);
}

using Entries = std::vector<wire::Entry>;

void SayAnswer(const char* name, uint32_t response) {
  Say("refused %s: %s", name, wire::NameOf(response));
}

// Whatever the answer, nothing is left.
void Ask(HeapGuest* guest, const char* name, const Entries& entries, uint32_t context = 0) {
  const uint32_t id = guest->NewId();
  guest->gpu().Create2d(id, kFormatBgra, 32, 32);
  SayAnswer(name, guest->gpu().TryAttach(id, entries, context));
  guest->gpu().Unref(id);
}

// What one context placed, another takes away.
void AskForAnothers(HeapGuest* guest, wire::Entry entry) {
  constexpr uint32_t kOwner = 1, kOther = 2;
  Gpu& gpu = guest->gpu();
  const uint32_t id = guest->NewId();
  gpu.CreateContext(kOwner);
  gpu.CreateContext(kOther);
  gpu.Create2d(id, kFormatBgra, 32, 32);
  if (const uint32_t type = gpu.TryAttach(id, {&entry, 1}, kOwner); type != wire::kOkNodata) {
    Fail("refused: a context may not place a resource: %s", wire::NameOf(type));
  }
  SayAnswer("anothers", gpu.TryDetach(id, kOther));
  gpu.Unref(id);
  gpu.DestroyContext(kOther);
  gpu.DestroyContext(kOwner);
}

}  // namespace

void Churn(HeapGuest* guest, int count) {
  constexpr std::size_t kMostLive = 24;
  std::mt19937 random(1);
  LiveList live;
  std::size_t most = 0;
  for (int made = 0; made < count;) {
    const auto resource = MakeAny(guest, &random);
    if (!resource && live.empty()) Fail("churn: the pool has no room for one resource");
    if (resource) {
      ExpectPlace(*guest, *resource, live);
      live.push_back({*resource, static_cast<uint32_t>(++made)});
      guest->Draw(*resource, live.back().seed);
      guest->Upload(*resource);
      most = std::max(most, live.size());
    }
    if (!resource || live.size() == kMostLive || random() % 5 < 2) {
      Retire(guest, &live, random() % live.size());
    }
  }
  while (!live.empty()) Retire(guest, &live, live.size() - 1);
  Say("churn: %d resources %s as they were drawn, %zu of them live at once at most", count,
      guest->gpu().has_virgl() ? "came back" : "stayed", most);
}

void AskForWhatMustBeRefused(HeapGuest* guest, int) {
  const DmaPages ram(1);
  const uint32_t page = kPageSize;
  const uint64_t end = guest->AddressOf(guest->pool_size());
  const Resource placed = guest->MakePicture(kFormatBgra, 32, 64, Placement::kBestFit);
  const Range room = guest->Allocate(4 * kPageSize, Placement::kBestFit);
  const uint64_t taken = guest->AddressOf(placed.place.offset);
  const uint64_t free = guest->AddressOf(room.offset);

  Ask(guest, "outside", {{end, page}});
  Ask(guest, "across_the_end", {{end - page, 2 * page}});
  Ask(guest, "wrapping", {{~uint64_t{0} - page + 1, 2 * page}});
  Ask(guest, "overlapping", {{taken + page, page}});
  Ask(guest, "enclosing", {{taken, static_cast<uint32_t>(placed.place.size)}});
  Ask(guest, "misaligned", {{free + 16, page}});
  Ask(guest, "odd_size", {{free, page + 16}});
  Ask(guest, "two_entries", {{free, page}, {free + 2 * kPageSize, page}});
  Ask(guest, "nobodys", {{free, page}}, 99);
  if (guest->gpu().has_virgl()) AskForAnothers(guest, {free, page});
  Ask(guest, "heap_and_memory", {{free, page}, {ram.address(0), page}});
  const wire::Entry elsewhere = {free, 2 * page};
  SayAnswer("twice", guest->gpu().TryAttach(placed.id, {&elsewhere, 1}));

  guest->Free(room);
  guest->Free(placed);
}
