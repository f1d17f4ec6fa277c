#include "capture/shim/memory_map.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "capture/ring/clock.h"

namespace vgpu::shim {

namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kFirstPauseNs = 10'000'000;
constexpr uint64_t kLongestPauseNs = 60'000'000'000;
constexpr uint64_t kOffsetLimit = 1ull << 48;  // an address is heap << 48 | offset
constexpr uint32_t kMostHeaps = 1u << 16;

// Takes a number off the front of `text`, and the one character after it.
bool TakeNumber(std::string_view& text, int base, char after, uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  if (error != std::errc() || end == text.data() + text.size() || *end != after) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

std::string HeapName(std::string_view path) {
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.empty()) return "anonymous";
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  if (path.starts_with("/memfd:")) path.remove_prefix(1);
  return std::string(path);
}

}  // namespace

bool ParseMapLine(std::string_view line, MapLine& out) {
  uint64_t major = 0;
  uint64_t minor = 0;
  if (!TakeNumber(line, 16, '-', out.begin) || !TakeNumber(line, 16, ' ', out.end)) return false;
  if (line.size() < 5 || out.end <= out.begin) return false;
  out.writable = line[1] == 'w';
  out.shared = line[3] == 's';
  line.remove_prefix(5);
  if (!TakeNumber(line, 16, ' ', out.offset) || !TakeNumber(line, 16, ':', major) ||
      !TakeNumber(line, 16, ' ', minor) || !TakeNumber(line, 10, ' ', out.inode)) {
    return false;
  }
  out.device = major << 32 | minor;
  const std::size_t path = line.find_first_not_of(' ');
  out.path = path == std::string_view::npos ? std::string_view() : line.substr(path);
  return true;
}

MemoryMap::Place MemoryMap::Find(const void* address, uint64_t size, uint64_t now_ns) {
  const auto begin = reinterpret_cast<uint64_t>(address);
  if (first_ns_ == 0) first_ns_ = now_ns;
  const Mapping* mapping = Lookup(begin, begin + size);
  if (mapping == nullptr && MayRead(now_ns)) {
    Read(now_ns);
    mapping = Lookup(begin, begin + size);
    // A program whose backings are all small would be read for in vain again and again.
    pause_ns_ = mapping != nullptr ? 0 : std::clamp(2 * pause_ns_, kFirstPauseNs, kLongestPauseNs);
  }
  if (mapping == nullptr) return Unplaced(size);
  return {mapping->heap, mapping->offset + (begin - mapping->begin)};
}

const MemoryMap::Mapping* MemoryMap::Lookup(uint64_t begin, uint64_t end) const {
  const auto after =
      std::upper_bound(mappings_.begin(), mappings_.end(), begin,
                       [](uint64_t value, const Mapping& item) { return value < item.begin; });
  if (after == mappings_.begin()) return nullptr;
  const Mapping& mapping = *(after - 1);
  return end <= mapping.end ? &mapping : nullptr;
}

bool MemoryMap::MayRead(uint64_t now_ns) const {
  if (last_read_ns_ == 0) return true;
  return now_ns - last_read_ns_ >= pause_ns_ && reading_ns_ * 100 <= now_ns - first_ns_;
}

void MemoryMap::Read(uint64_t now_ns) {
  const uint64_t start_ns = MonotonicNs();
  const int fd = open(path_, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    mappings_.clear();
    std::size_t held = 0;
    ssize_t got = 0;
    while ((got = read(fd, buffer_.data() + held, buffer_.size() - held)) > 0) {
      held += static_cast<std::size_t>(got);
      std::string_view text(buffer_.data(), held);
      for (std::size_t end; (end = text.find('\n')) != std::string_view::npos;) {
        MapLine line;
        if (ParseMapLine(text.substr(0, end), line)) Add(line);
        text.remove_prefix(end + 1);
      }
      // A line longer than the buffer is no mapping's.
      held = text.size() < buffer_.size() ? text.size() : 0;
      std::memmove(buffer_.data(), text.data(), held);
    }
    close(fd);
  }
  last_read_ns_ = now_ns;
  reading_ns_ += MonotonicNs() - start_ns;
}

void MemoryMap::Add(const MapLine& line) {
  // Guest memory comes in several mappings of one file when only a part of it was changed.
  const bool continues = !mappings_.empty() && mappings_.back().end == line.begin &&
                         line.inode != 0 && keys_[mappings_.back().heap].inode == line.inode &&
                         keys_[mappings_.back().heap].device == line.device;
  if (!line.writable || (line.end - line.begin < kSmallestHeap && !continues)) return;
  uint64_t offset = 0;
  const uint32_t heap = HeapOf(line, offset);
  if (heap == kUnplacedHeap || offset + (line.end - line.begin) > kOffsetLimit) return;
  if (continues && mappings_.back().offset + (line.begin - mappings_.back().begin) == offset) {
    mappings_.back().end = line.end;
  } else {
    mappings_.push_back({line.begin, line.end, offset, heap});
  }
  heaps_[heap].size = std::max(heaps_[heap].size, offset + (line.end - line.begin));
}

uint32_t MemoryMap::HeapOf(const MapLine& line, uint64_t& offset) {
  for (uint32_t id = 1; id < keys_.size(); ++id) {
    const HeapKey& key = keys_[id];
    if (line.inode != 0 && key.inode == line.inode && key.device == line.device) {
      offset = line.offset;
      return id;
    }
    // The kernel joins and splits anonymous mappings: the same memory where it overlaps.
    if (line.inode == 0 && key.inode == 0 && line.begin >= key.base &&
        line.begin < key.base + heaps_[id].size) {
      offset = line.begin - key.base;
      return id;
    }
  }
  if (keys_.size() >= kMostHeaps) return kUnplacedHeap;
  const auto id = static_cast<uint32_t>(keys_.size());
  keys_.push_back({line.device, line.inode, line.begin});
  HeapInfo info;
  info.id = id;
  info.name = HeapName(line.path);
  info.shared = line.shared;
  heaps_.push_back(std::move(info));
  offset = line.inode != 0 ? line.offset : 0;
  return id;
}

MemoryMap::Place MemoryMap::Unplaced(uint64_t size) {
  const uint64_t pages = (size + kPage - 1) / kPage * kPage;
  if (unplaced_end_ + pages > kOffsetLimit) unplaced_end_ = 0;
  const uint64_t offset = unplaced_end_;
  unplaced_end_ += pages;
  return {kUnplacedHeap, offset};
}

}  // namespace vgpu::shim
