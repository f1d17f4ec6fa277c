#include "capture/vhost_user/descriptor_chain.h"

#include <fmt/format.h>

#include <utility>

#include "capture/vhost_user/shared_memory.h"
#include "format/protocol/limits.h"

namespace vgpu::vhost {

namespace {

class ChainReader {
 public:
  ChainReader(const MemoryTable& memory, uint16_t head) : memory_(memory), head_(head) {}

  // `table` is the ring's own, or an indirect one where `allow_indirect` is false.
  Status Follow(std::span<std::byte> table, uint32_t index, bool allow_indirect);
  Chain Take() { return std::move(chain_); }

 private:
  tl::unexpected<Error> Refuse(const std::string& why) const {
    return MakeError(ErrorCode::kFailed, fmt::format("the chain of descriptor {} {}", head_, why));
  }
  Status FollowIndirect(const Descriptor& descriptor);
  Status AddBuffer(const Descriptor& descriptor);
  Status AddReadable(const Descriptor& descriptor);
  Status AddWritable(const Descriptor& descriptor);

  const MemoryTable& memory_;
  const uint16_t head_;
  Chain chain_;
  std::vector<std::span<std::byte>> places_;
};

Status ChainReader::Follow(std::span<std::byte> table, uint32_t index, bool allow_indirect) {
  const std::size_t count = table.size() / sizeof(Descriptor);
  for (std::size_t seen = 0; seen < count; ++seen) {
    if (index >= count) {
      return Refuse(fmt::format("goes on at descriptor {} of {}", index, count));
    }
    Descriptor descriptor;
    CopyShared(&descriptor, table.data() + index * sizeof(Descriptor), sizeof(descriptor));
    if ((descriptor.flags & kDescriptorIndirect) != 0) {
      if (!allow_indirect) {
        return Refuse("has an indirect descriptor where none is allowed");
      }
      return FollowIndirect(descriptor);
    }
    if (Status status = AddBuffer(descriptor); !status) return status;
    if ((descriptor.flags & kDescriptorNext) == 0) return {};
    index = descriptor.next;
  }
  return Refuse(fmt::format("does not end within the {} descriptors of its table", count));
}

Status ChainReader::FollowIndirect(const Descriptor& descriptor) {
  constexpr uint32_t kMaxBytes = limits::kMaxChainDescriptors * sizeof(Descriptor);
  const uint32_t size = descriptor.length;
  if ((descriptor.flags & kDescriptorNext) != 0) {
    return Refuse("goes on behind an indirect descriptor");
  }
  if (size == 0 || size % sizeof(Descriptor) != 0 || size > kMaxBytes) {
    return Refuse(fmt::format("has an indirect table of {} bytes; tables have 16 to {}, in 16s",
                              size, kMaxBytes));
  }
  places_.clear();
  if (!memory_.AppendGuestRange(descriptor.address, size, places_)) {
    return Refuse(fmt::format("has an indirect table outside guest memory, at {:#x}",
                              static_cast<uint64_t>(descriptor.address)));
  }
  std::vector<std::byte> table(size);
  std::size_t copied = 0;
  for (const std::span<std::byte> place : places_) {
    CopyShared(table.data() + copied, place.data(), place.size());
    copied += place.size();
  }
  return Follow(table, 0, false);
}

Status ChainReader::AddBuffer(const Descriptor& descriptor) {
  if (descriptor.length == 0) return {};
  return (descriptor.flags & kDescriptorWrite) != 0 ? AddWritable(descriptor)
                                                    : AddReadable(descriptor);
}

Status ChainReader::AddReadable(const Descriptor& descriptor) {
  if (!chain_.writable.empty()) return Refuse("has a readable buffer behind a writable one");
  chain_.readable_bytes += descriptor.length;
  if (chain_.readable_bytes > limits::kMaxRequestBytes) {
    return Refuse(fmt::format("has a request of {} bytes or more, the limit is {}",
                              chain_.readable_bytes, limits::kMaxRequestBytes));
  }
  if (memory_.AppendGuestRange(descriptor.address, descriptor.length, chain_.readable)) return {};
  return Refuse(fmt::format("has a buffer outside guest memory, at {:#x} of {} bytes",
                            static_cast<uint64_t>(descriptor.address),
                            static_cast<uint32_t>(descriptor.length)));
}

Status ChainReader::AddWritable(const Descriptor& descriptor) {
  places_.clear();
  if (!memory_.AppendGuestRange(descriptor.address, descriptor.length, places_)) {
    return Refuse(fmt::format("has room for a response outside guest memory, at {:#x} of {} bytes",
                              static_cast<uint64_t>(descriptor.address),
                              static_cast<uint32_t>(descriptor.length)));
  }
  chain_.writable.push_back({descriptor.address, descriptor.length});
  chain_.writable_bytes += descriptor.length;
  return {};
}

}  // namespace

Result<Chain> ReadChain(const MemoryTable& memory, std::span<std::byte> descriptor_table,
                        uint16_t head, bool allow_indirect) {
  ChainReader reader(memory, head);
  if (Status status = reader.Follow(descriptor_table, head, allow_indirect); !status) {
    return tl::unexpected(status.error());
  }
  return reader.Take();
}

}  // namespace vgpu::vhost
