#include "capture/ring/mapped_memory.h"

#include <algorithm>
#include <utility>

namespace vgpu {

namespace {

// The size of a guest's page: what it maps and dirties at least.
constexpr uint64_t kGuestPage = 4096;

// A page, or two or more of them in a row; only the last page of a mapping may be cut.
ByteBox PagesOf(const Backing& memory, uint64_t first, uint64_t count) {
  ByteBox box;
  box.offset = first * kGuestPage;
  box.row_bytes = std::min(count * kGuestPage, memory.size() - box.offset);
  return box;
}

}  // namespace

void MappedMemory::Map(uint32_t resource_id, Backing memory, bool known) {
  Mapping& mapping = mappings_[resource_id] = Mapping{std::move(memory), {}, false, {}};
  mapping.pages.resize((mapping.memory.size() + kGuestPage - 1) / kGuestPage);
  if (!known) return;
  for (uint64_t page = 0; page < mapping.pages.size(); ++page) {
    mapping.pages[page] = HashBox(mapping.memory, PagesOf(mapping.memory, page, 1));
  }
}

void MappedMemory::MapCopied(uint32_t resource_id, Backing memory) {
  Map(resource_id, std::move(memory), false);
  Mapping& mapping = mappings_[resource_id];
  mapping.copied = mapping.memory.size() <= kMostCopied;
}

Bytes MappedMemory::CopyOf(uint32_t resource_id) const {
  const auto found = mappings_.find(resource_id);
  return found == mappings_.end() ? Bytes() : Bytes(found->second.copy);
}

void MappedMemory::Unmap(uint32_t resource_id) { mappings_.erase(resource_id); }

void MappedMemory::Sample(RecordStream& out) {
  for (auto& [resource_id, mapping] : mappings_) SampleOne(resource_id, mapping, out);
}

void MappedMemory::Sample(uint32_t resource_id, RecordStream& out) {
  if (const auto found = mappings_.find(resource_id); found != mappings_.end()) {
    SampleOne(resource_id, found->second, out);
  }
}

Backing MappedMemory::Sampled(Mapping& mapping) {
  if (!mapping.copied) return mapping.memory;
  mapping.copy.clear();
  mapping.copy.reserve(mapping.memory.size());
  mapping.memory.ForEachRun(0, mapping.memory.size(), [&mapping](Bytes run) {
    mapping.copy.insert(mapping.copy.end(), run.begin(), run.end());
  });
  const iovec whole = {mapping.copy.data(), mapping.copy.size()};
  return Backing(&whole, 1);
}

// A page that changes between the hash and the copy differs from its hash at the next sample, and
// is recorded again.
void MappedMemory::SampleOne(uint32_t resource_id, Mapping& mapping, RecordStream& out) {
  const Backing memory = Sampled(mapping);
  const uint64_t pages = mapping.pages.size();
  uint64_t run = 0;  // pages before `page` that have changed
  for (uint64_t page = 0; page < pages; ++page) {
    const Digest digest = HashBox(memory, PagesOf(memory, page, 1));
    if (digest != mapping.pages[page]) {
      mapping.pages[page] = digest;
      ++run;
      if (page + 1 < pages) continue;
      ++page;
    }
    if (run > 0 && !out.Memory(resource_id, ring::MemoryKind::kSampled, memory,
                               PagesOf(memory, page - run, run))) {
      std::fill_n(mapping.pages.begin() + static_cast<std::ptrdiff_t>(page - run), run, Digest{});
    }
    run = 0;
  }
}

}  // namespace vgpu
