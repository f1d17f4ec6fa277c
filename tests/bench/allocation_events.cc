#include "tests/bench/allocation_events.h"

#include <algorithm>
#include <bit>
#include <random>
#include <sstream>
#include <unordered_map>

namespace vgpu {
namespace {

class Builder {
 public:
  Builder(std::string name, uint64_t granule) : granule_(granule) {
    sequence_.name = std::move(name);
  }

  void Allocate(uint32_t slot, uint64_t size, uint64_t alignment) {
    sequence_.events.push_back({slot, size, alignment});
    sequence_.slots = std::max(sequence_.slots, slot + 1);
    sizes_.resize(sequence_.slots);
    sizes_[slot] = (size + granule_ - 1) / granule_ * granule_;
    live_ += sizes_[slot];
    sequence_.peak_live = std::max(sequence_.peak_live, live_);
  }
  void Free(uint32_t slot) {
    sequence_.events.push_back({slot});
    live_ -= sizes_[slot];
  }
  AllocationSequence Take() { return std::move(sequence_); }

 private:
  AllocationSequence sequence_;
  uint64_t granule_;
  uint64_t live_ = 0;
  std::vector<uint64_t> sizes_;
};

uint64_t RandomSize(SizeMix mix, uint64_t granule, std::mt19937_64& random) {
  switch (mix) {
    case SizeMix::kSmall:
      return granule * (1 + random() % 16);
    case SizeMix::kBuffers: {
      const uint64_t most = granule << (random() % 11);
      return 1 + random() % most;
    }
    case SizeMix::kTextures: {
      const uint64_t power = granule << (random() % 11);
      return random() % 3 == 0 ? power + power / 3 : power;
    }
  }
  return granule;
}

constexpr const char* kMixNames[] = {"small", "buffers", "textures"};

}  // namespace

AllocationSequence RandomSequence(SizeMix mix, uint32_t live, size_t events, uint64_t granule) {
  Builder builder(kMixNames[static_cast<int>(mix)] + (", " + std::to_string(live)) + " live",
                  granule);
  std::mt19937_64 random(live);
  const auto allocate = [&](uint32_t slot) {
    const bool aligned = mix == SizeMix::kTextures && random() % 8 == 0;
    builder.Allocate(slot, RandomSize(mix, granule, random), aligned ? 65536 : 1);
  };
  for (uint32_t slot = 0; slot < live; ++slot) allocate(slot);
  for (size_t i = live; i < events; i += 2) {
    const auto slot = static_cast<uint32_t>(random() % live);
    builder.Free(slot);
    allocate(slot);
  }
  return builder.Take();
}

AllocationSequence ReadSequence(std::istream& lines, uint64_t granule, std::string& error) {
  Builder builder("recorded", granule);
  std::unordered_map<uint64_t, uint32_t> slots;
  std::vector<uint32_t> unused;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string what;
    uint64_t id = 0, size = 0, alignment = 1;
    words >> what >> id;
    const auto known = slots.find(id);
    if (what == "a" && words >> size >> alignment && size != 0 && known == slots.end()) {
      uint32_t slot = static_cast<uint32_t>(slots.size());
      if (!unused.empty()) {
        slot = unused.back();
        unused.pop_back();
      }
      slots[id] = slot;
      builder.Allocate(slot, size, alignment);
    } else if (what == "f" && words && known != slots.end()) {
      builder.Free(known->second);
      unused.push_back(known->second);
      slots.erase(known);
    } else {
      error = line;
      break;
    }
  }
  return builder.Take();
}

}  // namespace vgpu
