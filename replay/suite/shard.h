// Parts of a suite for several machines: which one this is, and what is in it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/protocol/error.h"

namespace vgpu {

inline constexpr uint64_t kMaxShards = 100'000;

struct Shard {
  uint64_t index = 0;  // from 0
  uint64_t total = 1;
  std::string engine;       // that said so; empty: the user, or nobody
  std::string status_file;  // to make, where the engine wants one
};

// "2/4". kUsage with a sentence for anything else.
Result<Shard> ShardOf(const std::string& text);

// A variable of the environment; nothing where it is not set.
using Variables = std::function<std::optional<std::string>(const char* name)>;

// From the variables that engines set. One shard where none is set, with an empty engine. kUsage:
// numbers that cannot be, one variable without the other, or engines that contradict each other.
Result<Shard> ShardOfEnvironment(const Variables& variables);

// "GitLab CI (CI_NODE_INDEX, CI_NODE_TOTAL), ...", for --help.
std::string ShardEngines();

struct ShardItem {
  std::string name;               // unique
  std::optional<double> seconds;  // of the last run
  uint64_t bytes = 0;             // to guess from where that is not known
};

// How long each takes, in the order of the items: what is known, and for the others a guess, from
// their sizes where an item of known time says what a byte costs. Each is above 0.
std::vector<double> EstimatedSeconds(const std::vector<ShardItem>& items);

// In which shard each item is, in the order of the items: the longest first, each into the shard
// that has the least. The same on every machine for the same items.
std::vector<uint64_t> Balance(const std::vector<ShardItem>& items, uint64_t shards);

}  // namespace vgpu
