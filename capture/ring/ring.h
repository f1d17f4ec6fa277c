// The shared-memory ring between a recorded process and the recorder.
//
// A byte stream in a memfd, one writer process (its threads behind one lock), one reader process.
// Records are published as they are written, so a record may be larger than the ring, and what a
// killed writer had published is still there. Positions only grow; the place is position modulo
// capacity. Everything the reader takes out is copied before it is looked at.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "format/protocol/error.h"
#include "format/protocol/limits.h"
#include "format/protocol/wire.h"

namespace vgpu {

inline constexpr uint64_t kDefaultRingBytes = 32u << 20;
// The largest payload of one record: the largest request and what a record puts around it.
inline constexpr uint64_t kMaxRecordBytes = limits::kMaxRequestBytes + (64u << 10);

enum class OnFull : uint32_t { kWait = 0, kDrop = 1 };

// Why a record is not in the ring.
enum class DropCause : uint32_t {
  kRingFull,     // under kDrop
  kTooLarge,     // more than kMaxRecordBytes
  kOtherThread,  // a call made while another thread was inside one
};
inline constexpr std::size_t kDropCauses = 3;

struct DropCount {
  uint64_t records = 0;
  uint64_t bytes = 0;
};
using DropCounts = std::array<DropCount, kDropCauses>;  // by DropCause

// Why a writer whose program lives on puts nothing more into the ring.
enum class GaveUp : uint32_t {
  kNo,
  kNoMemory,      // an allocation of the shim failed
  kSocketClosed,  // the ring was full, and the program had closed the shim's descriptors
};

// The writer's side, used inside a VMM: no exceptions, no allocation after Attach, errno untouched.
// One thread at a time. The mapping is not inherited by forked children: a child must not use it.
class RingWriter {
 public:
  // Maps the ring. `peer_socket` hangs up when the recorder is gone; it is what a waiting writer
  // watches, and it must stay open until Detach. Takes neither descriptor. nullptr where `memfd`
  // is no sealed ring of this build.
  static RingWriter* Attach(int memfd, int peer_socket);
  // Unmaps the ring and frees `writer`; nullptr is allowed.
  static void Detach(RingWriter* writer);

  // Starts a record of `total` payload bytes. False where the record is dropped (ring full under
  // kDrop, larger than kMaxRecordBytes, recorder gone, recording stopped): then skip Put and
  // Finish.
  bool Begin(uint16_t type, uint64_t total);
  // Appends payload; waits for space under kWait. Bytes beyond the record's total are left out.
  void Put(Bytes bytes);
  // Ends the record; fills up with zeros where less than its total was put.
  void Finish();
  // Counts a record that the caller left out itself.
  void CountDropped(DropCause cause, uint64_t bytes);
  // Nothing more comes; between two records.
  void GiveUp(GaveUp why);

  // The recorder no longer wants records (stop, limit, error), or has died.
  bool stopped() const;

 private:
  RingWriter() = default;
  struct Impl;
  Impl* impl_ = nullptr;
};

// The reader's side. One thread at a time. The writer's process may be corrupted: nothing that it
// writes makes the reader read outside the ring or allocate more than was really sent.
class RingReader {
 public:
  // `capacity` in bytes is rounded up to whole pages, and is one page at least.
  static Result<std::unique_ptr<RingReader>> Create(uint64_t capacity, OnFull on_full);
  ~RingReader();
  int memfd() const;

  struct Record {
    uint16_t type;
    Bytes payload;  // valid until the next call
  };
  // The next whole record, or nothing yet. Large records are gathered over several calls.
  // An error means that the ring's contents make no sense any more.
  Result<bool> Next(Record& out);
  // Tells the writer to stop recording for good.
  void Stop();
  DropCounts dropped() const;
  // What was published before it was set is complete: look at it before the last Next.
  GaveUp gave_up() const;
  // Bytes taken since the beginning. They grow while a large record is gathered.
  uint64_t taken_bytes() const;
  // Bytes published and not yet taken.
  uint64_t pending_bytes() const;

 private:
  struct Impl;
  explicit RingReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vgpu
