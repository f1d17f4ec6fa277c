#include "replay/suite/shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <queue>

namespace vgpu {

namespace {

struct Engine {
  const char* name;
  const char* index;
  const char* first;
  const char* total;
  const char* status_file;
};
constexpr std::array kEngines = {
#define VGPU_SHARD_ENGINE(name, index, first, total, status_file) \
  Engine{name, index, first, total, status_file},
#include "replay/suite/shard_engines.def"
};

constexpr char kSlurm[] = "Slurm";
constexpr char kSlurmStep[] = "SLURM_ARRAY_TASK_STEP";

std::optional<uint64_t> WholeNumber(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<uint64_t> NumberOf(const char* name, const std::string& text) {
  if (const auto value = WholeNumber(text)) return *value;
  return MakeError(ErrorCode::kUsage,
                   fmt::format("{} is '{}', which is no whole number from 0 on", name, text));
}

Result<uint64_t> NumberIn(const Variables& variables, const char* name) {
  const auto text = variables(name);
  if (!text) return MakeError(ErrorCode::kUsage, fmt::format("{} is not set", name));
  return NumberOf(name, *text);
}

Result<uint64_t> FirstOf(const Engine& engine, const Variables& variables) {
  if (const auto value = WholeNumber(engine.first)) return *value;
  return NumberIn(variables, engine.first);
}

Result<uint64_t> StepOf(const Engine& engine, const Variables& variables) {
  if (engine.name != std::string_view(kSlurm) || !variables(kSlurmStep)) return uint64_t{1};
  return NumberIn(variables, kSlurmStep);
}

// Nothing where the engine did not start this.
Result<std::optional<Shard>> ShardOfEngine(const Engine& engine, const Variables& variables) {
  const auto wrong = [&](const std::string& why) {
    return MakeError(ErrorCode::kUsage, fmt::format("--shard auto, {}: {}", engine.name, why));
  };
  const auto index_text = variables(engine.index);
  const auto total_text = variables(engine.total);
  if (!index_text && (!total_text || *total_text == "1")) return std::nullopt;  // a job of its own
  if (!index_text) return wrong(fmt::format("{} is set, {} is not", engine.total, engine.index));
  if (!total_text) return wrong(fmt::format("{} is set, {} is not", engine.index, engine.total));
  const auto index = NumberOf(engine.index, *index_text),
             total = NumberOf(engine.total, *total_text);
  const auto first = FirstOf(engine, variables), step = StepOf(engine, variables);
  for (const auto* number : {&index, &total, &first, &step}) {
    if (!*number) return wrong(number->error().message);
  }
  if (*total == 0 || *total > kMaxShards) {
    return wrong(fmt::format("{} is {}; it is from 1 to {}", engine.total, *total, kMaxShards));
  }
  if (*step == 0) return wrong(fmt::format("{} is 0", kSlurmStep));
  const uint64_t offset = *index - *first;  // beyond the total where it is below 0
  if (*index < *first || offset % *step != 0 || offset / *step >= *total) {
    return wrong(fmt::format("{} is {}, and {} is {}; numbers begin at {}{}", engine.index, *index,
                             engine.total, *total, *first,
                             *step == 1 ? "" : fmt::format(" and go in steps of {}", *step)));
  }
  const auto status_file = *engine.status_file == 0 ? std::nullopt : variables(engine.status_file);
  return Shard{offset / *step, *total, engine.name, status_file.value_or("")};
}

}  // namespace

Result<Shard> ShardOf(const std::string& text) {
  const size_t slash = text.find('/');
  const auto index = WholeNumber(std::string_view(text).substr(0, slash));
  const auto total =
      slash == text.npos ? std::nullopt : WholeNumber(std::string_view(text).substr(slash + 1));
  if (!index || !total || *total == 0 || *total > kMaxShards || *index >= *total) {
    return MakeError(ErrorCode::kUsage,
                     fmt::format("--shard {}: a shard is I/N, counted from 0: 0/4, 1/4, 2/4 and "
                                 "3/4, of {} at most; or auto",
                                 text, kMaxShards));
  }
  return Shard{*index, *total, "", ""};
}

Result<Shard> ShardOfEnvironment(const Variables& variables) {
  std::optional<Shard> found;
  for (const Engine& engine : kEngines) {
    auto shard = ShardOfEngine(engine, variables);
    if (!shard) return tl::unexpected(shard.error());
    if (!*shard) continue;
    if (!found) {
      found = **shard;
    } else if (found->index != (*shard)->index || found->total != (*shard)->total) {
      return MakeError(
          ErrorCode::kUsage,
          fmt::format("--shard auto: {} says shard {} of {} (counted from 0), and {} says {} of {}",
                      found->engine, found->index, found->total, (*shard)->engine, (*shard)->index,
                      (*shard)->total));
    } else if (found->status_file.empty()) {
      found->status_file = (*shard)->status_file;
    }
  }
  return found.value_or(Shard{});
}

std::string ShardEngines() {
  std::string text;
  for (const Engine& engine : kEngines) {
    text += fmt::format("{}{} ({}, {})", text.empty() ? "" : ", ", engine.name, engine.index,
                        engine.total);
  }
  return text;
}

std::vector<double> EstimatedSeconds(const std::vector<ShardItem>& items) {
  constexpr double kLeast = 0.01;  // a worker's start
  double known_seconds = 0, known_bytes = 0;
  for (const ShardItem& item : items) {
    if (!item.seconds) continue;
    known_seconds += std::max(*item.seconds, kLeast);
    known_bytes += static_cast<double>(item.bytes);
  }
  // Where no time is known, only the proportions count.
  const double per_byte = known_bytes > 0 ? known_seconds / known_bytes : 1e-6;
  std::vector<double> seconds;
  for (const ShardItem& item : items) {
    const double guess = static_cast<double>(item.bytes) * per_byte;
    seconds.push_back(std::max(item.seconds.value_or(guess), kLeast));
  }
  return seconds;
}

std::vector<uint64_t> Balance(const std::vector<ShardItem>& items, uint64_t shards) {
  // In microseconds: sums of integers are the same in any order and on any machine.
  std::vector<uint64_t> costs;
  for (const double seconds : EstimatedSeconds(items)) {
    costs.push_back(static_cast<uint64_t>(std::min(seconds, 1e9) * 1e6));
  }
  std::vector<size_t> order(items.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](size_t a, size_t b) {
    return costs[a] != costs[b] ? costs[a] > costs[b] : items[a].name < items[b].name;
  });
  using Load = std::pair<uint64_t, uint64_t>;  // cost, shard
  std::priority_queue<Load, std::vector<Load>, std::greater<>> loads;
  for (uint64_t shard = 0; shard < shards; ++shard) loads.emplace(0, shard);
  std::vector<uint64_t> shard_of(items.size());
  for (const size_t item : order) {
    const auto [cost, shard] = loads.top();
    loads.pop();
    shard_of[item] = shard;
    loads.emplace(cost + costs[item], shard);
  }
  return shard_of;
}

}  // namespace vgpu
