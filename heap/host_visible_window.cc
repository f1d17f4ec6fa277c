#include "heap/host_visible_window.h"

#include <iterator>
#include <string>

namespace vgpu {

namespace {

std::string Text(uint64_t number) { return std::to_string(number); }

tl::unexpected<HeapError> Refuse(HeapErrorCode code, std::string why) {
  return tl::unexpected(HeapError{code, std::move(why)});
}

}  // namespace

HeapResult<void> HostVisibleWindow::Check(uint32_t id, uint64_t offset, uint64_t size) const {
  if (Has(id)) return Refuse(HeapErrorCode::kExists, Text(id) + " is mapped already");
  if (size == 0 || offset % kPage != 0) {
    return Refuse(HeapErrorCode::kInvalid, Text(size) + " bytes at " + Text(offset) +
                                               " do not begin at a page of " + Text(kPage) +
                                               ", or are none");
  }
  if (offset > UINT64_MAX - size) {
    return Refuse(HeapErrorCode::kInvalid,
                  Text(size) + " bytes at " + Text(offset) + " pass 64 bits");
  }
  return size_ ? CheckRoom(offset, size) : HeapResult<void>();
}

HeapResult<void> HostVisibleWindow::CheckRoom(uint64_t offset, uint64_t size) const {
  if (offset + size > *size_) {
    return Refuse(HeapErrorCode::kOutOfRange,
                  Text(size) + " bytes at " + Text(offset) + " pass the window of " + Text(*size_));
  }
  const auto next = mapped_.lower_bound(offset);
  const bool meets_next = next != mapped_.end() && next->first < offset + size;
  const bool meets_previous =
      next != mapped_.begin() && std::prev(next)->first + std::prev(next)->second.size > offset;
  if (!meets_next && !meets_previous) return {};
  const Mapped& other = meets_next ? next->second : std::prev(next)->second;
  return Refuse(HeapErrorCode::kExists, Text(size) + " bytes at " + Text(offset) + " overlap " +
                                            Text(other.id) + ", which is mapped there");
}

HeapResult<void> HostVisibleWindow::Map(uint32_t id, uint64_t offset, uint64_t size) {
  if (const auto checked = Check(id, offset, size); !checked) return checked;
  offsets_[id] = mapped_.emplace(offset, Mapped{size, id});
  ++counts_.mappings;
  return {};
}

HeapResult<void> HostVisibleWindow::Unmap(uint32_t id) {
  const auto found = offsets_.find(id);
  if (found == offsets_.end()) return Refuse(HeapErrorCode::kUnknown, Text(id) + " is not mapped");
  mapped_.erase(found->second);
  offsets_.erase(found);
  ++counts_.unmappings;
  return {};
}

}  // namespace vgpu
