#include "cli/replay/replay_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "heap/shared_heap.h"

namespace vgpu::cli {

namespace {

// GL on llvmpipe without a window starts with 512 MiB of addresses, and draws with 768.
constexpr uint64_t kMinMemory = 1ull << 30;

// What a pool takes of --max-memory where nothing is said, and its most. It is sparse.
constexpr uint64_t kHeapShare = 4;
constexpr uint64_t kMaxDefaultHeap = 4ull << 30;
constexpr std::string_view kDefaultAllocator = "best-fit";

struct RendererName {
  const char* name;
  RendererKind kind;
};
constexpr RendererName kRenderers[] = {{"virgl", RendererKind::kVirgl},
                                       {"software", RendererKind::kSoftware},
                                       {"null", RendererKind::kNull}};

// One of the names: the command line was checked.
RendererKind RendererKindOf(const std::string& name) {
  return std::ranges::find(kRenderers, name, &RendererName::name)->kind;
}

std::string PolicySummaries() {
  std::string text;
  for (const HeapPolicyInfo& policy : HeapPolicies()) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", policy.name, policy.summary);
  }
  return text;
}

Result<uint64_t> HeapSizeOf(const ReplayOptions& options) {
  if (options.heap_size.empty()) {
    const auto memory = ParseSize("--max-memory", options.max_memory);
    if (!memory) return memory;
    const uint64_t share = *memory / kHeapShare;
    return std::min(share - share % kHeapGranularity, kMaxDefaultHeap);
  }
  const auto size = ParseSize("--heap-size", options.heap_size);
  if (size && (*size == 0 || *size % kHeapGranularity != 0)) {
    return UsageError(fmt::format("--heap-size {}: a heap is one or more pages of {} bytes",
                                  options.heap_size, kHeapGranularity));
  }
  return size;
}

// What says how a pool is to be needs one.
Status CheckHeapOptions(const ReplayOptions& options) {
  const bool has_pool = !options.heap.empty() && options.heap != NameOf(HeapPolicy::kGuest);
  if (has_pool) return {};
  const char* wrong = !options.heap_size.empty()   ? "--heap-size"
                      : !options.allocator.empty() ? "--allocator"
                                                   : nullptr;
  if (wrong == nullptr) return {};
  return UsageError(fmt::format("{} is given {}: there is no pool", wrong,
                                options.heap.empty() ? "without --heap" : "with --heap guest"));
}

}  // namespace

CLI::Validator NotNan() {
  return CLI::Validator(
      [](std::string& text) {
        return std::isnan(std::strtod(text.c_str(), nullptr)) ? text + " is no number"
                                                              : std::string();
      },
      "");
}

namespace {

template <typename T>
void AddLimit(CLI::App& command, const char* option, const char* summary, T low, T high,
              std::optional<T>& limit) {
  CLI::Option* added = command.add_option(option, limit, summary)
                           ->check(std::is_integral_v<T> ? UnsignedNumber() : NotNan())
                           ->type_name("N");
  if (high != std::numeric_limits<T>::max()) added->check(CLI::Range(low, high));
}

}  // namespace

std::vector<std::string> RendererNames() {
  std::vector<std::string> names;
  for (const RendererName& renderer : kRenderers) names.emplace_back(renderer.name);
  return names;
}

std::vector<std::string> PolicyNames() {
  std::vector<std::string> names;
  for (const HeapPolicyInfo& policy : HeapPolicies()) names.emplace_back(policy.name);
  return names;
}

std::vector<std::string> AllocatorNames() {
  std::vector<std::string> names;
  for (const AllocationStrategy& strategy : AllocationStrategies()) {
    names.emplace_back(strategy.name);
  }
  return names;
}

void AddReplayOptions(CLI::App& command, ReplayOptions& options) {
  command.add_option("TRACE", options.trace, "The trace")->required();
  AddReplayLimits(command, options);
  command.add_flag("--json", options.json, "Print one JSON object");
}

void AddReplayLimits(CLI::App& command, ReplayOptions& options) {
  command
      .add_option("--timeout", options.timeout_s,
                  "Give up when the replay makes no progress for SECONDS; 0 waits for ever")
      ->check(NotNan())
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("SECONDS")
      ->capture_default_str();
  command
      .add_option("--max-memory", options.max_memory,
                  "Memory that the replaying process may map; half of it for guest memory")
      ->type_name("SIZE")
      ->capture_default_str();
  command
      .add_option("--renderer", options.renderer,
                  "virgl: virglrenderer on surfaceless EGL; software: 2D only, and needs no GL; "
                  "null: accepts everything and draws nothing")
      ->check(CLI::IsMember(RendererNames()))
      ->type_name("NAME")
      ->capture_default_str();
}

void AddHeapOptions(CLI::App& command, ReplayOptions& options, std::vector<std::string> more) {
  std::vector<std::string> names = PolicyNames();
  std::string summary = "Where resources lie, and measure it. " + PolicySummaries();
  if (!more.empty()) summary += "; compare: each of them in turn, side by side";
  names.insert(names.end(), more.begin(), more.end());
  command.add_option("--heap", options.heap, summary)
      ->check(CLI::IsMember(names))
      ->type_name("POLICY");
  command
      .add_option("--heap-size", options.heap_size,
                  "Of the pool, or of the window; the smaller of 4G and a quarter of --max-memory "
                  "unless given")
      ->type_name("SIZE");
  command
      .add_option("--allocator", options.allocator,
                  fmt::format("Who places resources in it; {} unless given", kDefaultAllocator))
      ->check(CLI::IsMember(AllocatorNames()))
      ->type_name("NAME");
}

void AddTolerance(CLI::App& command, ToleranceChoice& tolerance) {
#define VGPU_TOLERANCE(type, name, exact, low, high, option, summary) \
  AddLimit<type>(command, option, summary, low, high, tolerance.name);
#include "replay/frames/tolerances.def"
}

void AddIgnored(CLI::App& command, IgnoredParts& ignored) {
  command
      .add_option_function<std::vector<std::string>>(
          "--ignore",
          [&ignored](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              const auto rect = ParseIgnoredRect(text);
              if (!rect) throw CLI::ValidationError("--ignore", rect.error().message);
              ignored.rects.push_back(*rect);
            }
          },
          "Do not compare this part of a picture, from its top left corner, in all frames or in A "
          "to B; may be given again")
      ->allow_extra_args(false)
      ->type_name("X,Y,WxH[@A-B]");
  command
      .add_option("--mask", ignored.masks,
                  "Do not compare what is not black in this PNG, which is of the frames' size; may "
                  "be given again")
      ->allow_extra_args(false)
      ->type_name("FILE");
}

Result<FrameRange> FramesOf(const std::string& text) {
  if (text.empty()) return FrameRange{};
  const auto range = ParseRange("--frames", text);
  if (!range) return tl::unexpected(range.error());
  return FrameRange{range->first, range->last};
}

Result<HeapChoice> HeapChoiceOf(const ReplayOptions& options, HeapPolicy policy) {
  HeapChoice choice;
  choice.policy = policy;
  if (policy == HeapPolicy::kGuest) return choice;
  const auto size = HeapSizeOf(options);
  if (!size) return tl::unexpected(size.error());
  choice.size = *size;
  choice.strategy = FindStrategy(options.allocator.empty() ? kDefaultAllocator
                                                           : std::string_view(options.allocator));
  return choice;
}

std::chrono::milliseconds LimitOf(double seconds) {
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

Result<ReplayRequest> RequestOf(const ReplayOptions& options) {
  const auto memory = ParseSize("--max-memory", options.max_memory);
  if (!memory) return tl::unexpected(memory.error());
  if (*memory < kMinMemory) {
    return UsageError(fmt::format("--max-memory {}: a replay needs {} MiB at least",
                                  options.max_memory, kMinMemory >> 20));
  }
  ReplayRequest request;
  request.job.trace = options.trace;
  request.job.max_memory = *memory;
  request.job.renderer = RendererKindOf(options.renderer);
  if (const auto checked = CheckHeapOptions(options); !checked) {
    return tl::unexpected(checked.error());
  }
  if (const HeapPolicyInfo* policy = FindHeapPolicy(options.heap)) {
    const auto choice = HeapChoiceOf(options, policy->policy);
    if (!choice) return tl::unexpected(choice.error());
    request.job.heap = *choice;
  }
  request.worker.timeout = LimitOf(options.timeout_s);
  constexpr int64_t kForEver = std::numeric_limits<uint32_t>::max();  // 49 days
  const int64_t timeout_ms = request.worker.timeout.count();
  request.job.fence_timeout_ms =
      static_cast<uint32_t>(timeout_ms == 0 ? kForEver : std::min(timeout_ms, kForEver));
  return request;
}

}  // namespace vgpu::cli
