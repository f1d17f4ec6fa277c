// How the ring lies in its memfd: one header page, then the data. Both processes are the same
// build on the same machine, so these are native integers.
#pragma once

#include <atomic>
#include <cstdint>

#include "capture/ring/ring.h"

namespace vgpu::ring {

inline constexpr uint64_t kRingMagic = 0x31474e4952555047;  // "GPURING1"
inline constexpr uint64_t kRingDataOffset = 4096;
inline constexpr uint32_t kRecordMark = 0x5e7b09c4;
// A header with this mark has no payload: what follows it lies at the start of the data again. The
// writer begins anew like this when the reader has taken everything, so that a ring that is never
// full stays in the same few pages, which are in memory and in the cache.
inline constexpr uint32_t kRestartMark = 0xb16d70a3;
// The writer begins anew behind this many bytes.
inline constexpr uint64_t kHotBytes = 1u << 20;
// Records start at multiples of this in the stream, so that copies are aligned.
inline constexpr uint64_t kRecordAlignment = 8;

struct RingHeader {
  uint64_t magic;
  uint64_t capacity;
  uint32_t on_full;

  // Written by the writer. Bytes published since the beginning.
  alignas(64) std::atomic<uint64_t> head;
  std::atomic<uint64_t> dropped_records[kDropCauses];
  std::atomic<uint64_t> dropped_bytes[kDropCauses];
  std::atomic<uint32_t> gave_up;

  // Written by the reader. Bytes taken since the beginning.
  alignas(64) std::atomic<uint64_t> tail;
  std::atomic<uint32_t> stop;

  // A writer that waits for space sets `waiting` and sleeps on `space`, which the reader counts up.
  alignas(64) std::atomic<uint32_t> space;
  std::atomic<uint32_t> waiting;
};

static_assert(sizeof(RingHeader) <= kRingDataOffset);
static_assert(std::atomic<uint64_t>::is_always_lock_free);
static_assert(std::atomic<uint32_t>::is_always_lock_free);

// Before each payload.
struct RecordHeader {
  uint32_t mark;
  uint16_t type;
  uint16_t reserved;
  uint64_t total;
};
static_assert(sizeof(RecordHeader) % kRecordAlignment == 0);

inline constexpr uint64_t PaddedRecord(uint64_t total) {
  return sizeof(RecordHeader) +
         (total + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}

}  // namespace vgpu::ring
