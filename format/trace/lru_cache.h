// What was used recently, kept within a budget of bytes; the least recently used goes first.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>
#include <utility>

namespace vgpu {

// Value: what is kept; its size is given with it. One value is kept even where it alone passes the
// budget, so that what Insert returns is valid until the next Insert.
template <typename Value>
class LruCache {
 public:
  explicit LruCache(uint64_t budget_bytes) : budget_(budget_bytes) {}

  // Valid until the next Insert; nullptr where it is not kept.
  Value* Find(uint64_t key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &entries_.front().value;
  }

  // The key must not be kept yet.
  Value& Insert(uint64_t key, Value value, uint64_t bytes) {
    while (!entries_.empty() && used_ + bytes > budget_) {
      used_ -= entries_.back().bytes;
      places_.erase(entries_.back().key);
      entries_.pop_back();
    }
    entries_.push_front({key, bytes, std::move(value)});
    places_[key] = entries_.begin();
    used_ += bytes;
    return entries_.front().value;
  }

  uint64_t used() const { return used_; }

 private:
  struct Entry {
    uint64_t key;
    uint64_t bytes;
    Value value;
  };
  std::list<Entry> entries_;
  std::unordered_map<uint64_t, typename std::list<Entry>::iterator> places_;
  uint64_t budget_;
  uint64_t used_ = 0;
};

}  // namespace vgpu
