#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "capture/ring/errno_keeper.h"
#include "capture/ring/ring.h"
#include "capture/ring/ring_layout.h"

namespace vgpu {

using ring::kHotBytes;
using ring::RecordHeader;
using ring::RingHeader;

namespace {

// How long a waiting writer sleeps before it looks whether the recorder is still there.
constexpr long kWaitNs = 20'000'000;

bool HasSeals(int memfd) {
  constexpr int kWanted = F_SEAL_SHRINK | F_SEAL_GROW;
  const int seals = fcntl(memfd, F_GET_SEALS);
  return seals >= 0 && (seals & kWanted) == kWanted;
}

}  // namespace

struct RingWriter::Impl {
  RingHeader* header = nullptr;
  std::byte* data = nullptr;
  uint64_t capacity = 0;
  OnFull on_full = OnFull::kWait;
  uint64_t head = 0;  // own copy: the shared one is only written
  uint64_t base = 0;  // the position that lies at the start of the data
  // The restart header that the reader may not have taken yet: it must not be overwritten.
  bool restarting = false;
  uint64_t restart_head = 0;   // its position
  uint64_t restart_place = 0;  // and place
  uint64_t remaining = 0;      // payload bytes that the open record still wants
  uint64_t padding = 0;        // that follow them
  int socket = -1;
  dev_t socket_device = 0;
  ino_t socket_inode = 0;
  bool gone = false;

  uint64_t Place() const { return (head - base) % capacity; }

  // Bytes that may be written now. A reader that says nonsense is as good as gone.
  uint64_t Free() {
    const uint64_t tail = header->tail.load(std::memory_order_seq_cst);
    const uint64_t used = head - tail;
    if (used > capacity) {
      gone = true;
      return 0;
    }
    restarting = restarting && tail <= restart_head;
    return restarting ? std::min(capacity - used, restart_place - (head - base)) : capacity - used;
  }

  // Goes back to the start of the data if everything was taken and it is worth it. Until the reader
  // follows, only what lies before the restart header is free; the drop policy wants half of the
  // ring there, and the record that comes.
  void MaybeRestart(uint64_t next_record) {
    const uint64_t place = Place();
    const bool drop = on_full == OnFull::kDrop;
    const uint64_t enough =
        drop ? std::max(next_record, capacity / 2) : std::min(kHotBytes, capacity / 2);
    if (place < enough || capacity - place < sizeof(RecordHeader) || Free() != capacity) return;
    const RecordHeader restart = {ring::kRestartMark, 0, 0, 0};
    std::memcpy(data + place, &restart, sizeof(restart));
    restarting = true;
    restart_head = head;
    restart_place = place;
    head += sizeof(restart);
    base = head;
    header->head.store(head, std::memory_order_release);
  }

  void GiveUp(GaveUp why) {
    header->gave_up.store(static_cast<uint32_t>(why), std::memory_order_release);
    gone = true;
  }

  // Whether nobody is there to make space. Without the socket nobody can tell: then the writer
  // gives up, as it would otherwise wait for ever for a recorder that was killed.
  bool PeerGone() {
    struct stat info;
    if (fstat(socket, &info) != 0 || info.st_ino != socket_inode || info.st_dev != socket_device) {
      GiveUp(GaveUp::kSocketClosed);
      return true;
    }
    pollfd watched = {socket, POLLRDHUP, 0};
    return poll(&watched, 1, 0) > 0 && (watched.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
  }

  // Returns when there is space, or with `gone` set.
  void WaitForSpace() {
    while (true) {
      const uint32_t seen = header->space.load(std::memory_order_seq_cst);
      header->waiting.store(1, std::memory_order_seq_cst);
      if (Free() > 0 || gone) break;
      const timespec timeout = {0, kWaitNs};
      syscall(SYS_futex, &header->space, FUTEX_WAIT, seen, &timeout, nullptr, 0);
      if (header->stop.load(std::memory_order_relaxed) != 0 || (Free() == 0 && PeerGone())) {
        gone = true;
      }
      if (gone) break;
    }
    header->waiting.store(0, std::memory_order_relaxed);
  }

  void Write(const std::byte* from, uint64_t size) {
    while (size > 0) {
      const uint64_t space = Free();
      if (gone) return;
      if (space == 0) {
        WaitForSpace();
        continue;
      }
      const uint64_t place = Place();
      const uint64_t step = std::min({size, space, capacity - place});
      std::memcpy(data + place, from, step);
      head += step;
      header->head.store(head, std::memory_order_release);
      from += step;
      size -= step;
    }
  }
};

RingWriter* RingWriter::Attach(int memfd, int peer_socket) {
  ErrnoKeeper keep;
  struct stat info;
  struct stat socket_info;
  if (fstat(memfd, &info) != 0 || fstat(peer_socket, &socket_info) != 0 || !HasSeals(memfd) ||
      info.st_size <= static_cast<off_t>(ring::kRingDataOffset)) {
    return nullptr;
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  void* map = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
  if (map == MAP_FAILED) return nullptr;
  madvise(map, size, MADV_DONTFORK);
  madvise(map, size, MADV_DONTDUMP);

  auto* writer = new (std::nothrow) RingWriter;
  auto* impl = new (std::nothrow) Impl;
  auto* header = static_cast<RingHeader*>(map);
  if (writer == nullptr || impl == nullptr || header->magic != ring::kRingMagic ||
      header->capacity != size - ring::kRingDataOffset) {
    munmap(map, size);
    delete impl;
    delete writer;
    return nullptr;
  }
  impl->header = header;
  impl->data = static_cast<std::byte*>(map) + ring::kRingDataOffset;
  impl->capacity = size - ring::kRingDataOffset;
  impl->on_full =
      header->on_full == static_cast<uint32_t>(OnFull::kDrop) ? OnFull::kDrop : OnFull::kWait;
  impl->head = header->head.load(std::memory_order_relaxed);
  impl->socket = peer_socket;
  impl->socket_device = socket_info.st_dev;
  impl->socket_inode = socket_info.st_ino;
  writer->impl_ = impl;
  return writer;
}

void RingWriter::Detach(RingWriter* writer) {
  if (writer == nullptr) return;
  ErrnoKeeper keep;
  munmap(writer->impl_->header, writer->impl_->capacity + ring::kRingDataOffset);
  delete writer->impl_;
  delete writer;
}

bool RingWriter::Begin(uint16_t type, uint64_t total) {
  ErrnoKeeper keep;
  Impl& impl = *impl_;
  if (stopped()) return false;
  const uint64_t padded = ring::PaddedRecord(total);
  impl.MaybeRestart(padded);
  const bool too_large = total > kMaxRecordBytes;
  const bool fits = impl.on_full == OnFull::kWait || padded <= impl.Free();
  if (!fits || too_large) {
    CountDropped(too_large ? DropCause::kTooLarge : DropCause::kRingFull, total);
    impl.gone = impl.gone || impl.PeerGone();
    return false;
  }
  impl.remaining = total;
  impl.padding = padded - sizeof(RecordHeader) - total;
  const RecordHeader header = {ring::kRecordMark, type, 0, total};
  impl.Write(reinterpret_cast<const std::byte*>(&header), sizeof(header));
  return !impl.gone;
}

void RingWriter::Put(Bytes bytes) {
  ErrnoKeeper keep;
  const uint64_t size = std::min<uint64_t>(bytes.size(), impl_->remaining);
  impl_->Write(bytes.data(), size);
  impl_->remaining -= size;
}

void RingWriter::Finish() {
  ErrnoKeeper keep;
  static constexpr std::byte kZeros[256] = {};
  uint64_t left = impl_->remaining + impl_->padding;
  while (left > 0 && !impl_->gone) {
    const uint64_t step = std::min<uint64_t>(left, sizeof(kZeros));
    impl_->Write(kZeros, step);
    left -= step;
  }
  impl_->remaining = 0;
  impl_->padding = 0;
}

void RingWriter::CountDropped(DropCause cause, uint64_t bytes) {
  const auto index = static_cast<std::size_t>(cause);
  impl_->header->dropped_records[index].fetch_add(1, std::memory_order_relaxed);
  impl_->header->dropped_bytes[index].fetch_add(bytes, std::memory_order_relaxed);
}

void RingWriter::GiveUp(GaveUp why) { impl_->GiveUp(why); }

bool RingWriter::stopped() const {
  return impl_->gone || impl_->header->stop.load(std::memory_order_relaxed) != 0;
}

}  // namespace vgpu
