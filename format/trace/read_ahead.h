// Unpacks the chunk that comes next while the one before it is being used.
#pragma once

#include <cstddef>
#include <future>
#include <optional>

#include "format/protocol/error.h"
#include "format/trace/chunk_codec.h"
#include "format/trace/input_file.h"
#include "format/trace/payload.h"
#include "format/trace/trace_reader.h"

namespace vgpu {

// Reads and unpacks one chunk. The error's text follows "chunk at offset N ".
Result<Payload> UnpackChunk(const InputFile& file, const ChunkEntry& entry,
                            PayloadDecoder& decoder);

// One thread for each chunk that is worth one: starting it takes some 30 us, unpacking 1 MiB a
// millisecond. The owner's thread alone calls; `file` outlives this object.
class ReadAhead {
 public:
  explicit ReadAhead(const InputFile& file) : file_(file) {}
  ~ReadAhead() { Drop(); }
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // Does nothing for small chunks, and where no thread can be had.
  void Start(size_t chunk, const ChunkEntry& entry);
  // What was started for this chunk, once it is there; nothing where that was another.
  std::optional<Result<Payload>> Take(size_t chunk);

 private:
  void Drop();

  const InputFile& file_;
  PayloadDecoder decoder_;  // used by the thread alone
  std::future<Result<Payload>> pending_;
  size_t chunk_ = 0;
};

}  // namespace vgpu
