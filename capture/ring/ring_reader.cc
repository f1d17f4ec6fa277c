#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>

#include "capture/ring/ring.h"
#include "capture/ring/ring_layout.h"

namespace vgpu {

using ring::RecordHeader;
using ring::RingHeader;

namespace {

constexpr uint64_t kPage = 4096;
// A payload buffer above this is given back after its record.
constexpr uint64_t kKeptBuffer = 4u << 20;

Error SystemError(const char* what) {
  return {ErrorCode::kFailed, std::string("The ring cannot be made: ") + what +
                                  " failed: " + std::strerror(errno) + "."};
}

}  // namespace

struct RingReader::Impl {
  int memfd = -1;
  RingHeader* header = nullptr;
  const std::byte* data = nullptr;
  uint64_t capacity = 0;
  uint64_t tail = 0;  // own copy: the shared one is only written
  uint64_t base = 0;  // the position that lies at the start of the data

  // The record that is being gathered.
  RecordHeader record = {};
  uint64_t gathered = 0;  // bytes of header, payload and padding taken so far
  bool done = false;      // its payload has been handed out; a new one starts
  std::unique_ptr<std::byte[]> buffer;
  uint64_t buffer_size = 0;

  ~Impl() {
    if (header != nullptr) munmap(header, capacity + ring::kRingDataOffset);
    if (memfd >= 0) close(memfd);
  }

  uint64_t Available() const { return header->head.load(std::memory_order_acquire) - tail; }

  void CopyOut(std::byte* to, uint64_t size) const {
    const uint64_t place = (tail - base) % capacity;
    const uint64_t first = std::min(size, capacity - place);
    std::memcpy(to, data + place, first);
    std::memcpy(to + first, data, size - first);
  }

  void Advance(uint64_t size) {
    tail += size;
    gathered += size;
    header->tail.store(tail, std::memory_order_seq_cst);
  }

  void Wake() {
    if (header->waiting.exchange(0, std::memory_order_seq_cst) == 0) return;
    header->space.fetch_add(1, std::memory_order_seq_cst);
    syscall(SYS_futex, &header->space, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  }

  // Room for `size` bytes of payload, grown as bytes arrive, never ahead of them.
  void Reserve(uint64_t size, uint64_t keep) {
    if (size <= buffer_size) return;
    const uint64_t grown = std::max<uint64_t>({size, 2 * buffer_size, kPage});
    auto larger = std::make_unique_for_overwrite<std::byte[]>(grown);
    if (keep > 0) std::memcpy(larger.get(), buffer.get(), keep);
    buffer = std::move(larger);
    buffer_size = grown;
  }

  // True where a record begins. False where the data begins anew, before it does.
  Result<bool> ReadHeader();
  void Gather(uint64_t available);
};

Result<bool> RingReader::Impl::ReadHeader() {
  CopyOut(reinterpret_cast<std::byte*>(&record), sizeof(record));
  // Twice at one place would be a writer that goes in circles.
  if (record.mark == ring::kRestartMark && tail != base) {
    Advance(sizeof(record));
    gathered = 0;
    base = tail;
    return false;
  }
  if (record.mark != ring::kRecordMark || record.total > kMaxRecordBytes) {
    return MakeError(ErrorCode::kFailed, "The ring's record at position " + std::to_string(tail) +
                                             " has mark " + std::to_string(record.mark) + " and " +
                                             std::to_string(record.total) + " bytes (limit " +
                                             std::to_string(kMaxRecordBytes) +
                                             "): the recorded program has overwritten it.");
  }
  Advance(sizeof(record));
  return true;
}

void RingReader::Impl::Gather(uint64_t available) {
  const uint64_t payload_taken = std::min(gathered - sizeof(record), record.total);
  const uint64_t payload = std::min(available, record.total - payload_taken);
  if (payload > 0) {
    Reserve(payload_taken + payload, payload_taken);
    CopyOut(buffer.get() + payload_taken, payload);
    Advance(payload);
  }
  const uint64_t padding =
      std::min(available - payload, ring::PaddedRecord(record.total) - gathered);
  if (payload_taken + payload == record.total && padding > 0) Advance(padding);
}

RingReader::RingReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RingReader::~RingReader() = default;
int RingReader::memfd() const { return impl_->memfd; }

Result<std::unique_ptr<RingReader>> RingReader::Create(uint64_t capacity, OnFull on_full) {
  auto impl = std::make_unique<Impl>();
  capacity = std::max((capacity + kPage - 1) / kPage * kPage, kPage);
  impl->memfd = memfd_create("vgpu-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (impl->memfd < 0) return tl::unexpected(SystemError("memfd_create"));
  const uint64_t size = capacity + ring::kRingDataOffset;
  if (ftruncate(impl->memfd, static_cast<off_t>(size)) != 0) {
    return tl::unexpected(SystemError("ftruncate"));
  }
  if (fcntl(impl->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return tl::unexpected(SystemError("sealing"));
  }
  void* map = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, impl->memfd, 0);
  if (map == MAP_FAILED) return tl::unexpected(SystemError("mmap"));
  impl->header = static_cast<RingHeader*>(map);
  impl->data = static_cast<const std::byte*>(map) + ring::kRingDataOffset;
  impl->capacity = capacity;
  impl->header->capacity = capacity;
  impl->header->on_full = static_cast<uint32_t>(on_full);
  impl->header->magic = ring::kRingMagic;
  return std::unique_ptr<RingReader>(new RingReader(std::move(impl)));
}

Result<bool> RingReader::Next(Record& out) {
  Impl& impl = *impl_;
  if (impl.done) {
    impl.done = false;
    impl.gathered = 0;
    if (impl.buffer_size > kKeptBuffer) {
      impl.buffer.reset();
      impl.buffer_size = 0;
    }
  }
  uint64_t available = impl.Available();
  if (available > impl.capacity) {
    return MakeError(ErrorCode::kFailed, "The ring holds " + std::to_string(available) +
                                             " bytes, more than its capacity of " +
                                             std::to_string(impl.capacity) +
                                             ": the recorded program has overwritten it.");
  }
  while (impl.gathered == 0) {
    if (available < sizeof(RecordHeader)) {
      impl.Wake();
      return false;
    }
    auto begins = impl.ReadHeader();
    if (!begins) return tl::unexpected(begins.error());
    available -= sizeof(RecordHeader);
  }
  impl.Gather(available);
  // Waking at each record would cost a system call each: a quarter of the ring is worth one.
  if (impl.Available() <= impl.capacity - impl.capacity / 4) impl.Wake();
  if (impl.gathered < ring::PaddedRecord(impl.record.total)) return false;
  impl.done = true;
  out = {impl.record.type, Bytes(impl.buffer.get(), impl.record.total)};
  return true;
}

void RingReader::Stop() {
  impl_->header->stop.store(1, std::memory_order_seq_cst);
  impl_->header->waiting.store(1, std::memory_order_seq_cst);
  impl_->Wake();
}

DropCounts RingReader::dropped() const {
  DropCounts counts;
  for (std::size_t cause = 0; cause < kDropCauses; ++cause) {
    counts[cause] = {impl_->header->dropped_records[cause].load(std::memory_order_relaxed),
                     impl_->header->dropped_bytes[cause].load(std::memory_order_relaxed)};
  }
  return counts;
}

GaveUp RingReader::gave_up() const {
  return static_cast<GaveUp>(impl_->header->gave_up.load(std::memory_order_acquire));
}

uint64_t RingReader::taken_bytes() const { return impl_->tail; }

uint64_t RingReader::pending_bytes() const { return std::min(impl_->Available(), impl_->capacity); }

}  // namespace vgpu
