// Where the chunks of a file are: from its index, or from a walk over the chunks' heads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "format/protocol/error.h"
#include "format/trace/chunk_codec.h"
#include "format/trace/input_file.h"
#include "format/trace/trace_reader.h"

namespace vgpu {

// What only the index says.
struct IndexCounts {
  uint64_t checks = 0;
  uint64_t boundary_bytes = 0;
  uint64_t losses = 0;
  uint64_t lost_commands = 0;
  std::vector<proto::Heap> heaps;
};

struct ChunkTable {
  std::vector<ChunkEntry> chunks;  // by offset; numbers never go back; without the closing chunk
  std::vector<Damage> damage;      // by offset
  bool truncated = false;
  std::optional<IndexCounts> index;  // where the index was read
  // What is wrong with the index, where nothing else is: a sentence.
  std::optional<std::string> index_damage;
};

// Reads the index, or walks where there is none or it is damaged. An error only where the file
// cannot be read at all.
Result<ChunkTable> LoadChunkTable(const InputFile& file);

// Walks the heads. Payloads are read only where damage must be located.
Result<ChunkTable> WalkChunks(const InputFile& file);

// Neither where the file does not end with an index; `damage` where it does and that is damaged.
struct IndexRead {
  std::optional<ChunkTable> table;
  std::optional<std::string> damage;  // a sentence
};
Result<IndexRead> ReadIndex(const InputFile& file);

// "FILE: index at offset N PROBLEM"
std::string IndexSentence(const InputFile& file, uint64_t offset, const std::string& problem);

// Checks the head at `offset`.
Result<HeadCheck> ReadHead(const InputFile& file, uint64_t offset);

// The stored payload of a chunk whose head was checked.
Result<RawBytes> ReadStored(const InputFile& file, uint64_t offset, const ChunkHead& head);

// Damage.what as a sentence; before, it is what follows "chunk at offset N ".
std::string DescribeDamage(const InputFile& file, const Damage& damage);

// True where the numbers of `range` do not begin before those of `before` end.
bool Follows(const proto::Range& range, const proto::Range& before);

}  // namespace vgpu
