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
    if (auto told = TellIndexDamage(); !told) return tl::unexpected(told.error());
    return std::move(table_);
  }

 private:
  // Enters a chunk whose head is good. Returns where it ends.
  Result<uint64_t> Take(uint64_t at, const ChunkHead& head) {
    const uint64_t end = at + head.size;
    if (closed_) return SkipRest(at, "stands behind the index, which ends a trace");
    if (head.closing) return TakeClosing(at, head);
    if (!table_.chunks.empty() && !Follows(head.range, table_.chunks.back().range)) {
      // Another trace begins: what follows is its, even where its numbers are higher again.
      return SkipRest(at,
                      fmt::format("begins with command {}, frame {} and blob {}, which came before",
                                  head.range.first_command(), head.range.first_frame(),
                                  head.range.first_blob()));
    }
    table_.chunks.push_back({at, head.size, head.raw_size, head.range});
    last_head_ = head;
    return end;
  }

  Result<uint64_t> TakeClosing(uint64_t at, const ChunkHead& head) {
    auto problem = TailProblem(at, head);
    if (!problem) return tl::unexpected(problem.error());
    closed_ = problem->empty();
    // Where damage before it moved it, its offset is no news.
    if (!closed_ && table_.damage.empty()) SetIndexDamage(at, *problem);
    return at + head.size;
  }

  uint64_t SkipRest(uint64_t at, const std::string& problem) {
    AddDamage(at, file_.size() - at, problem);
    return file_.size();
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
      if (check.head.closing) {
        SetIndexDamage(at, "passes the end of the file");
      } else {
        table_.truncated = true;
      }
      return file_.size();
    }
    if (problem.empty()) problem = "ends inside another chunk";
    AddDamage(begin, *next - begin, problem);
    return *next;
  }

  // The first place from `from` on where a chunk starts, or the file's end.
  Result<uint64_t> FindHead(uint64_t from) {
    const std::string_view marker(reinterpret_cast<const char*>(kSyncMarker.data()),
                                  kSyncMarker.size());
    uint64_t at = from + kSyncOffset;
    while (at < file_.size() && file_.size() - at >= marker.size()) {
      if (auto loaded = LoadWindow(at, marker.size()); !loaded) {
        return tl::unexpected(loaded.error());
      }
      const std::string_view text(reinterpret_cast<const char*>(window_.data()), window_.size());
      const size_t begin = at - window_at_;
      for (size_t hit = text.find(marker, begin); hit != text.npos;
           hit = text.find(marker, hit + 1)) {
        const uint64_t candidate = window_at_ + hit - kSyncOffset;
        auto check = ReadHead(file_, candidate);
        if (!check) return tl::unexpected(check.error());
        if (check->state != HeadCheck::State::kWrong) return candidate;
      }
      // A marker may straddle two windows.
      at = window_at_ + window_.size() - (marker.size() - 1);
    }
    return file_.size();
  }

  // Puts `size` bytes from `at` on and what follows into the window, unless they are there: one
  // window serves all the chunks that are looked for in it.
  Status LoadWindow(uint64_t at, uint64_t size) {
    constexpr uint64_t kWindow = 1u << 20;
    if (window_at_ <= at && at + size <= window_at_ + window_.size()) return {};
    window_.resize(std::min(kWindow, file_.size() - at));
    window_at_ = at;
    return file_.ReadAt(at, window_);
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

  void SetIndexDamage(uint64_t offset, const std::string& problem) {
    table_.index_damage = IndexSentence(file_, offset, problem);
  }

  // Damage that goes to the end of a file whose last nine bytes say that the closing chunk starts
  // where the damage does: nothing but the index is lost.
  Status TellIndexDamage() {
    IndexTail tail{};
    if (table_.damage.empty() || file_.size() < tail.size()) return {};
    const Damage last = table_.damage.back();
    if (last.offset + last.size != file_.size()) return {};
    if (auto read = file_.ReadAt(file_.size() - tail.size(), tail); !read) return read;
    if (tail != MakeIndexTail(last.offset)) return {};
    SetIndexDamage(last.offset, last.what);
    table_.damage.pop_back();
    return {};
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
  bool closed_ = false;            // the index was passed, where it says that it is
  std::vector<std::byte> window_;  // of the file, from window_at_ on, for FindHead
  uint64_t window_at_ = 0;
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
  if (table && index->damage) table->index_damage = *index->damage;
  return table;
}

}  // namespace vgpu
