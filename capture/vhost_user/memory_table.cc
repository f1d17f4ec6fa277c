#include "capture/vhost_user/memory_table.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

namespace vgpu::vhost {

namespace {

std::string RegionName(const MemoryRegion& region) {
  return fmt::format("the memory region at {:#x} of {:#x} bytes", region.guest_address,
                     region.size);
}

tl::unexpected<Error> Refuse(const MemoryRegion& region, const std::string& why) {
  return MakeError(ErrorCode::kFailed, fmt::format("{} {}", RegionName(region), why));
}

bool Wraps(uint64_t start, uint64_t size) {
  return size > std::numeric_limits<uint64_t>::max() - start;
}

// Neither range wraps.
bool Overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
  return a < b + b_size && b < a + a_size;
}

// True where [address, address + size) lies in [start, start + whole), without overflow.
bool Within(uint64_t address, uint64_t size, uint64_t start, uint64_t whole) {
  return address >= start && address - start <= whole && size <= whole - (address - start);
}

struct FileMapping {
  Mapping mapping;
  std::span<std::byte> bytes;  // the region's
};

// Offsets of a mapping are multiples of the file's block size: that of a huge page in hugetlbfs.
Result<FileMapping> MapRegion(const MemoryRegion& region, int fd) {
  struct stat status = {};
  if (fstat(fd, &status) != 0) {
    return Refuse(region, fmt::format("has no usable descriptor: {}", std::strerror(errno)));
  }
  const uint64_t end = region.mmap_offset + region.size;
  if (S_ISREG(status.st_mode) && end > static_cast<uint64_t>(status.st_size)) {
    return Refuse(region, fmt::format("ends at {:#x} of a file of {:#x} bytes", end,
                                      static_cast<uint64_t>(status.st_size)));
  }
  const auto block = static_cast<uint64_t>(status.st_blksize);
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t unit = std::has_single_bit(block) ? std::max(block, page) : page;
  const uint64_t skipped = region.mmap_offset % unit;
  if (Wraps(region.size, skipped + unit)) return Refuse(region, "is too large to be mapped");
  const uint64_t mapped = (region.size + skipped + unit - 1) / unit * unit;
  auto mapping = Mapping::OfFile(fd, region.mmap_offset - skipped, mapped);
  if (!mapping) return Refuse(region, "cannot be mapped: " + mapping.error().message);
  const std::span<std::byte> bytes = mapping->bytes().subspan(skipped, region.size);
  return FileMapping{std::move(*mapping), bytes};
}

}  // namespace

MemoryFile FileOf(int fd) {
  MemoryFile file;
  struct stat status = {};
  if (fstat(fd, &status) == 0) {
    file.device = status.st_dev;
    file.inode = status.st_ino;
    file.size = S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
  }
  char name[256];
  const ssize_t length = readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), name, sizeof(name));
  if (length > 0) file.name.assign(name, static_cast<std::size_t>(length));
  // "/memfd:pc.ram (deleted)"
  constexpr std::string_view kDeleted = " (deleted)";
  if (file.name.starts_with("/memfd:")) file.name.erase(0, 1);
  if (file.name.ends_with(kDeleted)) file.name.resize(file.name.size() - kDeleted.size());
  return file;
}

Status MemoryTable::CheckPlace(const MemoryRegion& region) {
  if (region.size == 0) return Refuse(region, "is empty");
  if (Wraps(region.guest_address, region.size) || Wraps(region.user_address, region.size) ||
      Wraps(region.mmap_offset, region.size)) {
    return Refuse(region,
                  fmt::format("wraps: its user address is {:#x}, its offset in the file {:#x}",
                              region.user_address, region.mmap_offset));
  }
  return {};
}

Status MemoryTable::CheckOverlap(const MemoryRegion& region) const {
  for (const Region& other : regions_) {
    const MemoryRegion& place = other.place;
    if (Overlap(region.guest_address, region.size, place.guest_address, place.size) ||
        Overlap(region.user_address, region.size, place.user_address, place.size)) {
      return Refuse(region, "overlaps " + RegionName(place));
    }
  }
  return {};
}

Status MemoryTable::Add(const MemoryRegion& region, int fd) {
  if (regions_.size() >= kMaxRegions) {
    return Refuse(region, fmt::format("is one more than the limit of {}", kMaxRegions));
  }
  if (Status status = CheckPlace(region); !status) return status;
  if (Status status = CheckOverlap(region); !status) return status;
  auto mapped = MapRegion(region, fd);
  if (!mapped) return tl::unexpected(mapped.error());
  regions_.push_back({region, std::move(mapped->mapping), mapped->bytes, FileOf(fd)});
  return {};
}

Result<MemoryTable> MemoryTable::Remove(const MemoryRegion& region) {
  const auto found = std::ranges::find_if(regions_, [&](const Region& other) {
    return other.place.guest_address == region.guest_address &&
           other.place.user_address == region.user_address && other.place.size == region.size;
  });
  if (found == regions_.end()) return Refuse(region, "is to be removed and is not there");
  MemoryTable old;
  old.regions_.push_back(std::move(*found));
  regions_.erase(found);
  return old;
}

Result<MemoryTable> MemoryTable::Replace(std::span<const MemoryRegion> regions,
                                         std::span<const UniqueFd> fds) {
  if (regions.size() != fds.size()) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("a memory table of {} regions comes with {} descriptors",
                                 regions.size(), fds.size()));
  }
  MemoryTable fresh;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    if (Status status = fresh.Add(regions[i], fds[i].get()); !status) {
      return tl::unexpected(status.error());
    }
  }
  return std::exchange(*this, std::move(fresh));
}

std::vector<MemoryTable::RegionPlace> MemoryTable::Regions() const {
  std::vector<RegionPlace> regions;
  for (const Region& region : regions_) regions.push_back({region.place, region.file});
  return regions;
}

bool MemoryTable::AppendGuestRange(uint64_t address, uint64_t size,
                                   std::vector<std::span<std::byte>>& out) const {
  if (Wraps(address, size)) return false;
  while (size > 0) {
    const auto found = std::ranges::find_if(regions_, [&](const Region& region) {
      return Within(address, 1, region.place.guest_address, region.place.size);
    });
    if (found == regions_.end()) return false;
    const uint64_t offset = address - found->place.guest_address;
    const uint64_t part = std::min(size, found->place.size - offset);
    out.push_back(found->bytes.subspan(offset, part));
    address += part;
    size -= part;
  }
  return true;
}

std::optional<std::span<std::byte>> MemoryTable::UserRange(uint64_t address, uint64_t size) const {
  for (const Region& region : regions_) {
    if (Within(address, size, region.place.user_address, region.place.size)) {
      return region.bytes.subspan(address - region.place.user_address, size);
    }
  }
  return std::nullopt;
}

}  // namespace vgpu::vhost
