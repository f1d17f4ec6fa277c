// Memory that the guest changes without a command: blob resources that are mapped into it.
//
// It is sampled. What has changed since the last sample, by pages, is recorded as memory of the
// command that comes next, which may be the one that reads it. Changes that come and go between two
// commands are not seen.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "capture/ring/record_stream.h"
#include "format/protocol/backing.h"
#include "format/protocol/content_hash.h"

namespace vgpu {

class MappedMemory {
 public:
  // From here on this memory is the resource's, until Unmap. `known`: what it holds now is known to
  // a replay. It must stay readable in between.
  void Map(uint32_t resource_id, Backing memory, bool known);
  static constexpr uint64_t kMostCopied = 256u << 20;
  // The same for memory that somebody reads beside the recorder, from the copy that each sample
  // takes first: both see the same, whatever the guest writes meanwhile. Nothing of it is known.
  // More than kMostCopied is not copied: entries that name one page again and again would have the
  // host pay for what the guest does not have.
  void MapCopied(uint32_t resource_id, Backing memory);
  // What the last sample saw, as a whole; empty for what is not copied, or was not sampled.
  Bytes CopyOf(uint32_t resource_id) const;
  void Unmap(uint32_t resource_id);
  void Clear() { mappings_.clear(); }
  bool Has(uint32_t resource_id) const { return mappings_.contains(resource_id); }

  // Records what has changed, one record for each run of pages.
  void Sample(RecordStream& out);
  void Sample(uint32_t resource_id, RecordStream& out);  // of this one

 private:
  struct Mapping {
    Backing memory;
    // As they were last recorded; the last page may be shorter. All zeros: not recorded.
    std::vector<Digest> pages;
    bool copied = false;
    std::vector<std::byte> copy;
  };

  // What a sample looks at.
  static Backing Sampled(Mapping& mapping);
  static void SampleOne(uint32_t resource_id, Mapping& mapping, RecordStream& out);

  std::unordered_map<uint32_t, Mapping> mappings_;
};

}  // namespace vgpu
