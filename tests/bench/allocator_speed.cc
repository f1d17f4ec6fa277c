// The range allocators against best fit out of std::map, and how tightly each packs.
//
//   allocator_speed [--json] [--events N] [--sequence FILE | --sequence -]...
//
// For each sequence and allocator: nanoseconds an operation, how many times as fast as the
// reference of the same run, and the bytes that were ever used against the peak of live ones. The
// rounds of all take turns, and the best of each counts.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "heap/range/range_allocator.h"
#include "tests/bench/allocation_events.h"
#include "tests/bench/map_best_fit.h"

namespace vgpu {
namespace {

constexpr uint64_t kGranule = 4096;
constexpr int kRounds = 5;
constexpr size_t kLeastOperations = 50'000;  // of a round; shorter sequences run again

struct Contender {
  std::string name;
  std::unique_ptr<RangeAllocator> allocator;
  Placement placement = Placement::kLow;
  double nanoseconds = 0;  // an operation, in the best round
  double extent = 0;       // of the pool, against the peak of live bytes
  uint64_t failures = 0;
};

[[noreturn]] void Die(const std::string& message) {
  fmt::print(stderr, "allocator_speed: {}\n", message);
  std::exit(4);
}

// Twice the peak and more, so that none fails for want of space; a power of two pleases the buddy.
uint64_t PoolFor(const AllocationSequence& sequence) {
  return std::bit_ceil(std::max(sequence.peak_live, kGranule)) * 2;
}

std::vector<Contender> Contenders(uint64_t pool) {
  std::vector<Contender> contenders;
  contenders.push_back({"std::map best fit", std::make_unique<MapBestFit>(pool, kGranule)});
  for (const AllocationStrategy& strategy : AllocationStrategies()) {
    if (strategy.placement != strategy.long_lived_placement) continue;  // has no kinds here
    contenders.push_back({std::string(strategy.name),
                          MakeAllocator(strategy.allocator, pool, kGranule), strategy.placement});
    if (!contenders.back().allocator)
      Die("a pool of " + std::to_string(pool) + " bytes is not made");
  }
  return contenders;
}

using Slots = std::vector<RangeAllocator::Allocation>;

// Runs the sequence; `placed` gets each allocation that was granted.
template <typename Placed>
uint64_t Run(RangeAllocator& allocator, Placement placement, const AllocationSequence& sequence,
             Slots& slots, Placed placed) {
  uint64_t failures = 0;
  for (const AllocationEvent& event : sequence.events) {
    RangeAllocator::Allocation& slot = slots[event.slot];
    if (event.size == 0) {
      if (slot.size != 0) allocator.Free(slot);
      slot.size = 0;
    } else if (const auto answer = allocator.Allocate(event.size, event.alignment, placement)) {
      slot = *answer;
      placed(slot);
    } else {
      ++failures;
    }
  }
  return failures;
}

void Time(Contender& contender, const AllocationSequence& sequence, uint64_t pool, Slots& slots) {
  using Clock = std::chrono::steady_clock;
  Clock::duration taken{};
  size_t operations = 0;
  while (operations < kLeastOperations) {
    contender.allocator->Reset(pool);
    std::ranges::fill(slots, RangeAllocator::Allocation{});
    const auto begin = Clock::now();
    Run(*contender.allocator, contender.placement, sequence, slots, [](const auto&) {});
    taken += Clock::now() - begin;
    operations += sequence.events.size();
  }
  const double each =
      std::chrono::duration<double, std::nano>(taken).count() / static_cast<double>(operations);
  if (contender.nanoseconds == 0 || each < contender.nanoseconds) contender.nanoseconds = each;
}

// The extent counts from whichever end of the pool the allocator begins at.
void Measure(Contender& contender, const AllocationSequence& sequence, uint64_t pool,
             Slots& slots) {
  contender.allocator->Reset(pool);
  std::ranges::fill(slots, RangeAllocator::Allocation{});
  uint64_t low = UINT64_MAX, high = 0;
  contender.failures = Run(*contender.allocator, contender.placement, sequence, slots,
                           [&](const RangeAllocator::Allocation& placed) {
                             low = std::min(low, placed.offset);
                             const uint64_t end = placed.offset + placed.size;
                             high = std::max(high, (end + kGranule - 1) / kGranule * kGranule);
                           });
  const uint64_t extent = high == 0 ? 0 : high - low;
  contender.extent = static_cast<double>(extent) / static_cast<double>(sequence.peak_live);
}

void Print(const AllocationSequence& sequence, const std::vector<Contender>& contenders) {
  fmt::print("{}: {} operations, {} KiB live at most\n", sequence.name, sequence.events.size(),
             sequence.peak_live >> 10);
  fmt::print("  {:20} {:>8} {:>8} {:>14} {:>9}\n", "", "ns/op", "speed", "extent/live", "failures");
  for (const Contender& contender : contenders) {
    fmt::print("  {:20} {:8.1f} {:7.1f}x {:14.3f} {:9}\n", contender.name, contender.nanoseconds,
               contenders[0].nanoseconds / contender.nanoseconds, contender.extent,
               contender.failures);
  }
}

nlohmann::json Json(const AllocationSequence& sequence, const std::vector<Contender>& contenders) {
  nlohmann::json rows = nlohmann::json::array();
  for (const Contender& contender : contenders) {
    rows.push_back({{"allocator", contender.name},
                    {"ns_per_operation", contender.nanoseconds},
                    {"speed", contenders[0].nanoseconds / contender.nanoseconds},
                    {"extent", contender.extent},
                    {"failures", contender.failures}});
  }
  return {{"sequence", sequence.name},
          {"operations", sequence.events.size()},
          {"peak_live_bytes", sequence.peak_live},
          {"allocators", rows}};
}

std::vector<Contender> Compare(const AllocationSequence& sequence) {
  const uint64_t pool = PoolFor(sequence);
  auto contenders = Contenders(pool);
  Slots slots(sequence.slots);
  for (Contender& contender : contenders) Measure(contender, sequence, pool, slots);
  for (int round = 0; round < kRounds; ++round) {
    for (Contender& contender : contenders) Time(contender, sequence, pool, slots);
  }
  return contenders;
}

AllocationSequence Read(const std::string& path) {
  std::string error;
  std::ifstream file;
  if (path != "-") file.open(path);
  if (!file) Die(path + " cannot be opened");
  auto sequence = ReadSequence(path == "-" ? std::cin : file, kGranule, error);
  if (!error.empty()) Die(path + " has a line that is no event of it: " + error);
  if (sequence.events.empty()) Die(path + " has no events");
  sequence.name = path;
  return sequence;
}

std::vector<std::function<AllocationSequence()>> RandomSequences(size_t events) {
  std::vector<std::function<AllocationSequence()>> made;
  for (const SizeMix mix : {SizeMix::kSmall, SizeMix::kBuffers, SizeMix::kTextures}) {
    for (const uint32_t live : {100u, 1000u, 10'000u, 100'000u}) {
      made.push_back([=] { return RandomSequence(mix, live, events, kGranule); });
    }
  }
  return made;
}

int Main(int argc, char** argv) {
  CLI::App app("The range allocators against best fit out of std::map");
  bool json = false;
  size_t events = 500'000;
  std::vector<std::string> paths;
  app.add_flag("--json", json, "print the results as JSON");
  app.add_option("--events", events, "operations of each random sequence")->capture_default_str();
  app.add_option("--sequence", paths, "recorded sequences, instead of random ones; - is stdin");
  CLI11_PARSE(app, argc, argv);
  auto sequences =
      paths.empty() ? RandomSequences(events) : std::vector<std::function<AllocationSequence()>>();
  for (const std::string& path : paths) sequences.push_back([path] { return Read(path); });
  nlohmann::json results = nlohmann::json::array();
  for (const auto& make : sequences) {
    const AllocationSequence sequence = make();
    const auto contenders = Compare(sequence);
    if (json) {
      results.push_back(Json(sequence, contenders));
    } else {
      Print(sequence, contenders);
    }
  }
  if (json) fmt::print("{}\n", results.dump(2));
  return 0;
}

}  // namespace
}  // namespace vgpu

int main(int argc, char** argv) { return vgpu::Main(argc, argv); }
