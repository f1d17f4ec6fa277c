#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "format/protocol/limits.h"
#include "format/trace/chunk_table.h"

namespace vgpu {

namespace {

// One walk over a file. docs/FORMAT.md, "Reading without an index", gives its steps.
class Walker {
 public:
  explicit Walker(const InputFile& file)
      : file_(file), check_budget_(4 * file.size() + limits::kMaxChunkBytes) {}

  Result<ChunkTable> Walk() {
    uint64_t at = 0;
    while (at < file_.size()) {
      auto check = ReadHead(file_, at);
      if (!check) return tl::unexpected(check.error());
      auto next =
          check->state == HeadCheck::State::kWhole ? Take(at, check->head) : PassDamage(at, *check);
      if (!next) return tl::unexpected(next.error());
      at = *next;
    }
    return std::move(table_);
  }

 private:
  // Enters a chunk whose head is good. Returns where it ends.
  Result<uint64_t> Take(uint64_t at, const ChunkHead& head) {
    const uint64_t end = at + head.size;
    if (head.closing) {
      auto problem = TailProblem(at, head);
      if (!problem) return tl::unexpected(problem.error());
      // Where damage before it moved it, its offset is no news.
      if (!problem->empty() && table_.damage.empty()) AddDamage(at, head.size, *problem);
      return end;
    }
    if (!table_.chunks.empty() && !Follows(head.range, table_.chunks.back().range)) {
      AddDamage(at, head.size,
                fmt::format("begins with command {}, frame {} and blob {}, which came before",
                            head.range.first_command(), head.range.first_frame(),
                            head.range.first_blob()));
      return end;
    }
    table_.chunks.push_back({at, head.size, head.raw_size, head.range});
    last_head_ = head;
    return end;
  }

  // Finds the next chunk behind bytes that are none. Returns where it starts, or the file's end.
  Result<uint64_t> PassDamage(uint64_t at, const HeadCheck& check) {
    uint64_t begin = at;
    std::string problem = check.problem;
    // Bytes lost or added inside the chunk before this place show here first.
    if (!table_.chunks.empty()) {
      const ChunkEntry last = table_.chunks.back();
      if (last.offset + last.size == at) {
        auto last_problem = PayloadProblem(last.offset);
        if (!last_problem) return tl::unexpected(last_problem.error());
        if (!last_problem->empty()) {
          begin = last.offset;
          problem = *last_problem;
          table_.chunks.pop_back();
        }
      }
    }
    auto next = FindHead(begin + 1);
    if (!next) return tl::unexpected(next.error());
    const bool to_the_end = *next == file_.size();
    if (to_the_end && begin == at && check.state == HeadCheck::State::kCut) {
      table_.truncated = true;
      return file_.size();
    }
    if (problem.empty()) problem = "ends inside another chunk";
    AddDamage(begin, *next - begin, problem);
    return *next;
  }

  // The first place from `from` on where a chunk starts, or the file's end.
  Result<uint64_t> FindHead(uint64_t from) {
    constexpr uint64_t kWindow = 1u << 20;
    const std::string_view marker(reinterpret_cast<const char*>(kSyncMarker.data()),
                                  kSyncMarker.size());
    std::vector<std::byte> window;
    uint64_t at = from + kSyncOffset;
    while (at < file_.size() && file_.size() - at >= marker.size()) {
      window.resize(std::min(kWindow, file_.size() - at));
      if (auto read = file_.ReadAt(at, window); !read) return tl::unexpected(read.error());
      const std::string_view text(reinterpret_cast<const char*>(window.data()), window.size());
      for (size_t hit = text.find(marker); hit != text.npos; hit = text.find(marker, hit + 1)) {
        const uint64_t candidate = at + hit - kSyncOffset;
        auto check = ReadHead(file_, candidate);
        if (!check) return tl::unexpected(check.error());
        if (check->state != HeadCheck::State::kWrong) return candidate;
      }
      // A marker may straddle two windows.
      at += window.size() - (marker.size() - 1);
    }
    return file_.size();
  }

  // What is wrong with the payload of the last chunk entered; empty where nothing is.
  Result<std::string> PayloadProblem(uint64_t offset) {
    // A file of chunks inside chunks, made for this, costs no more than some passes over it.
    if (last_head_.payload_size > check_budget_) return std::string();
    check_budget_ -= last_head_.payload_size;
    auto stored = ReadStored(file_, offset, last_head_);
    if (!stored) return tl::unexpected(stored.error());
    const uint64_t checksum = ChecksumOf(stored->view());
    if (checksum == last_head_.checksum) return std::string();
    return fmt::format("has checksum 0x{:016x}, expected 0x{:016x}", checksum, last_head_.checksum);
  }

  // What is wrong with the nine bytes behind an index; empty where nothing is.
  Result<std::string> TailProblem(uint64_t at, const ChunkHead& head) {
    IndexTail tail{};
    if (auto read = file_.ReadAt(at + head.size - tail.size(), tail); !read) {
      return tl::unexpected(read.error());
    }
    if (tail == MakeIndexTail(at)) return std::string();
    return std::string("does not end with its own offset");
  }

  void AddDamage(uint64_t offset, uint64_t size, const std::string& problem) {
    if (!table_.damage.empty()) {
      Damage& last = table_.damage.back();
      if (last.offset + last.size == offset) {
        last.size += size;
        return;
      }
    }
    table_.damage.push_back({offset, size, problem, 0, std::nullopt});
  }

  const InputFile& file_;
  ChunkTable table_;
  ChunkHead last_head_;    // of the last entry of the table
  uint64_t check_budget_;  // bytes of payloads still to be read for locating damage
};

uint64_t EndOfCommands(const proto::Range& range) {
  return range.first_command() + range.commands();
}

// The commands that lay in the damage are those that the chunks around it do not have.
void CountLostCommands(ChunkTable& table) {
  auto next = table.chunks.begin();
  for (Damage& damage : table.damage) {
    next = std::find_if(next, table.chunks.end(),
                        [&](const ChunkEntry& chunk) { return chunk.offset >= damage.offset; });
    if (next != table.chunks.begin()) damage.first_command = EndOfCommands(std::prev(next)->range);
    if (next != table.chunks.end()) {
      damage.commands = next->range.first_command() - damage.first_command;
    }
  }
}

}  // namespace

std::string DescribeDamage(const InputFile& file, const Damage& damage) {
  const std::string skipped = damage.commands ? fmt::format("{} commands", *damage.commands)
                                              : fmt::format("{} bytes", damage.size);
  return fmt::format("{}: chunk at offset {} {}; skipped {}", file.name(), damage.offset,
                     damage.what, skipped);
}

Result<ChunkTable> WalkChunks(const InputFile& file) {
  auto table = Walker(file).Walk();
  if (!table) return table;
  CountLostCommands(*table);
  for (Damage& damage : table->damage) damage.what = DescribeDamage(file, damage);
  return table;
}

Result<ChunkTable> LoadChunkTable(const InputFile& file) {
  auto index = ReadIndex(file);
  if (!index) return tl::unexpected(index.error());
  if (index->table) return std::move(*index->table);
  auto table = WalkChunks(file);
  if (table && index->damage) table->damage.push_back(*index->damage);
  return table;
}

}  // namespace vgpu
