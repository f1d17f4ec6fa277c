#include "replay/player/player.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/protocol/content_hash.h"
#include "format/protocol/limits.h"
#include "replay/player/fence_wait.h"
#include "replay/player/pending_memory.h"
#include "replay/player/play_clock.h"
#include "replay/player/response_check.h"
#include "replay/player/trace_frame.h"

namespace vgpu {

namespace {

bool SameDigest(const Digest& digest, const std::string& recorded) {
  return recorded.size() == digest.size() &&
         std::equal(digest.begin(), digest.end(),
                    reinterpret_cast<const uint8_t*>(recorded.data()));
}

double ShareBeside(const PlayReport& report, uint64_t known_ns) {
  const uint64_t replay_ns = report.ReplayNs();
  if (replay_ns == 0) return 0;
  return static_cast<double>(replay_ns - std::min(replay_ns, known_ns)) /
         static_cast<double>(replay_ns);
}

Bytes BytesOf(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace

std::string Describe(const CommandPlace& place) {
  return fmt::format("command {} ({}, context {}, frame {})", place.number,
                     CommandName(static_cast<CommandType>(place.type)), place.context, place.frame);
}

double PlayReport::ShareOutsideRenderer() const { return ShareBeside(*this, renderer_ns); }

double PlayReport::OwnShare() const { return ShareBeside(*this, renderer_ns + guest_write_ns); }

// The state of one Play().
class Player::Run {
 public:
  explicit Run(Player& player)
      : player_(player),
        fences_(player.renderer_, player.fences_, player.options_.fence_timeout_ms,
                [&player] { player.observer_.OnWait(); }),
        clock_(player.renderer_, player.device_, player.observer_, player.options_.frame_times),
        known_results_(KnownResultsOf(player.reader_.session().source())) {}

  Result<PlayReport> Play();

 private:
  // What the last read-back's check said; a frame that presents the same read-back uses it.
  struct LastReadback {
    bool valid = false;
    uint64_t command = 0;
    uint32_t resource_id = 0;
    std::string recorded;  // digest
    bool equal = false;
    bool reported = true;  // a difference waits for the frame that may name it better
  };

  Status OnPacket(const proto::Packet& packet);
  Status OnCommand(const proto::Command& command);
  void OnMemory(const proto::Memory& memory);
  void OnFence(const proto::Fence& fence);
  void OnReadback(const proto::Readback& readback);
  Status OnFrame(const proto::Frame& frame);
  void OnLoss(const proto::Loss& loss);
  void OnFeatures(uint64_t bits);
  void OnDisplay(const proto::Display& packet);
  void OnGuestMemory(const proto::GuestMemory& packet);
  void OnDedicatedHeap(const proto::DedicatedHeap& packet);

  FrameCheck CheckFrame(const proto::Frame& packet, FrameView& view);
  void CompareResponse(const proto::Command& command, Bytes replayed);
  void ReportReadback();
  void NoteDamage();
  void Report(Finding::Kind kind, uint32_t resource_id, std::string what, bool by_digest = false);
  void Note(const std::string& note);
  void BeginTiming();
  void EndTiming();

  Player& player_;
  size_t damage_noted_ = 0;  // of the reader's list
  PlayReport report_;
  FenceWait fences_;
  PlayClock clock_;
  PendingMemory memory_;
  std::vector<std::string> memory_errors_;
  CommandPlace place_;
  LastReadback readback_;
  std::vector<uint32_t> noted_environment_;  // response types whose difference was told
  const KnownResults known_results_;
  bool done_ = false;
  uint64_t recorded_begin_ns_ = 0, recorded_ns_ = 0;
};

Result<PlayReport> Player::Run::Play() {
  recorded_ns_ = player_.reader_.summary().begin_ns;
  const proto::Session& session = player_.reader_.session();
  if (session.has_virtio_features()) player_.device_.SetFeatures(session.virtio_features());
  if (session.has_device()) player_.device_.SetWindow(session.device().window_bytes());
  if (player_.options_.first_frame == 0) BeginTiming();
  while (!done_) {
    const auto packet = player_.reader_.Next();
    if (!packet) return tl::unexpected(packet.error());
    NoteDamage();
    if (*packet == nullptr) break;
    if (const auto status = OnPacket(**packet); !status) return tl::unexpected(status.error());
  }
  ReportReadback();
  if (clock_.running()) EndTiming();
  return report_;
}

Status Player::Run::OnPacket(const proto::Packet& packet) {
  switch (packet.body_case()) {
    case proto::Packet::kCommand:
      ReportReadback();
      return OnCommand(packet.command());
    case proto::Packet::kMemory:
      OnMemory(packet.memory());
      break;
    case proto::Packet::kFence:
      OnFence(packet.fence());
      break;
    case proto::Packet::kReadback:
      OnReadback(packet.readback());
      break;
    case proto::Packet::kFrame:
      return OnFrame(packet.frame());
    case proto::Packet::kLoss:
      OnLoss(packet.loss());
      break;
    case proto::Packet::kFeatures:
      OnFeatures(packet.features().bits());
      break;
    case proto::Packet::kDisplay:
      OnDisplay(packet.display());
      break;
    case proto::Packet::kGuestMemory:
      OnGuestMemory(packet.guest_memory());
      break;
    case proto::Packet::kDedicatedHeap:
      OnDedicatedHeap(packet.dedicated_heap());
      break;
    // What the reader uses itself, and facts about the recording that change nothing in a replay.
    case proto::Packet::kSession:
    case proto::Packet::kBlob:
    case proto::Packet::kHeapEvent:
    case proto::Packet::kMarker:
    case proto::Packet::kEnd:
    case proto::Packet::kHeap:
    case proto::Packet::kIndex:
    case proto::Packet::kGl:
    case proto::Packet::kCapset:
    case proto::Packet::BODY_NOT_SET:
      break;
  }
  return {};
}

Status Player::Run::OnCommand(const proto::Command& command) {
  const Bytes request = BytesOf(command.request());
  const auto header = ReadStruct<wire::CtrlHeader>(request);
  place_.number = command.number();
  place_.type = header ? uint32_t{header->type} : 0;
  place_.context = header ? uint32_t{header->ctx_id} : 0;
  if (!player_.observer_.OnCommand(place_)) {
    report_.stopped = done_ = true;
    return {};
  }

  Command decoded;
  decoded.number = command.number();
  decoded.queue = command.queue() == 0 ? Queue::kControl : Queue::kCursor;
  decoded.request = request;
  decoded.memory = memory_.Take(player_.reader_, memory_errors_);
  for (const std::string& error : memory_errors_) {
    Note(fmt::format("{}: its memory cannot be rebuilt: {}", Describe(place_), error));
  }
  memory_errors_.clear();

  const auto response = player_.device_.Execute(decoded);
  if (!response) {
    return MakeError(response.error().code,
                     fmt::format("{}: {}", Describe(place_), response.error().message));
  }
  ++report_.commands;
  recorded_ns_ = std::max(recorded_ns_, command.end_ns());
  if (command.unanswered()) {
    ++report_.unanswered;
    Note(fmt::format("{}: the recording ended inside this command", Describe(place_)));
  } else {
    CompareResponse(command, response->bytes);
  }
  return {};
}

void Player::Run::CompareResponse(const proto::Command& command, Bytes replayed) {
  const Bytes recorded = BytesOf(command.response());
  const ResponseCheck check = CheckResponse(place_.type, recorded, replayed, known_results_);
  if (check.outcome == ResponseCheck::Outcome::kNotCompared) return;
  ++report_.done.responses;
  if (check.outcome == ResponseCheck::Outcome::kDifferent) {
    ++report_.different.responses;
    Report(Finding::Kind::kResponse, 0, check.what);
  } else if (check.outcome == ResponseCheck::Outcome::kEnvironment) {
    const uint32_t type = ReadStruct<wire::CtrlHeader>(recorded)->type;
    if (std::ranges::find(noted_environment_, type) != noted_environment_.end()) return;
    noted_environment_.push_back(type);
    Note(fmt::format("{}: {}; this depends on the host, and is not counted as a difference",
                     Describe(place_), check.what));
  }
}

void Player::Run::OnMemory(const proto::Memory& memory) {
  if (const auto status = memory_.Add(memory); !status) {
    Note(fmt::format("before command {}: memory of resource {} is left out: {}", place_.number + 1,
                     memory.resource_id(), status.error().message));
  }
}

void Player::Run::OnFence(const proto::Fence& packet) {
  const FenceId fence{packet.ctx_id(), static_cast<uint8_t>(packet.ring_idx()), packet.has_ring(),
                      packet.id()};
  ++report_.done.fences;
  const std::string difference = fences_.WaitFor(fence);
  if (difference.empty()) return;
  ++report_.different.fences;
  Report(Finding::Kind::kFence, 0, fmt::format("fence {} {}", fence.id, difference));
}

void Player::Run::OnReadback(const proto::Readback& packet) {
  readback_ = LastReadback{};
  if (!player_.options_.check_content || packet.digest().empty()) return;
  readback_.valid = true;
  readback_.command = packet.command();
  readback_.resource_id = packet.resource_id();
  readback_.recorded = packet.digest();
  ++report_.done.readbacks;
  const auto box = BoxOf(packet.box());
  Result<Digest> digest = tl::unexpected(box ? Error{} : box.error());
  if (box) {
    digest = packet.transient() ? player_.device_.HashTransient(*box)
                                : player_.device_.HashBacking(packet.resource_id(), *box);
  }
  if (!digest) {
    ++report_.different.readbacks;
    Report(Finding::Kind::kReadback, packet.resource_id(),
           fmt::format("what it read back of resource {} cannot be told: {}", packet.resource_id(),
                       digest.error().message));
    return;
  }
  readback_.equal = SameDigest(*digest, packet.digest());
  if (!readback_.equal) {
    ++report_.different.readbacks;
    readback_.reported = false;
  }
}

void Player::Run::ReportReadback() {
  if (readback_.reported) return;
  readback_.reported = true;
  Report(Finding::Kind::kReadback, readback_.resource_id,
         fmt::format("what it reads back of resource {} differs from the recording",
                     readback_.resource_id),
         true);
}

FrameCheck Player::Run::CheckFrame(const proto::Frame& packet, FrameView& view) {
  if (!player_.options_.check_content || packet.digest().empty()) return FrameCheck::kNone;
  const bool same_readback = readback_.valid && readback_.command == packet.command() &&
                             readback_.resource_id == packet.resource_id() &&
                             readback_.recorded == packet.digest();
  if (!player_.options_.Wants(packet.number())) {
    if (same_readback) readback_.reported = true;  // the frame by another name
    return FrameCheck::kNone;
  }
  ++report_.done.frames;
  bool equal = readback_.equal;
  if (same_readback) {
    readback_.reported = true;  // the frame's own sentence says more
  } else {
    const auto& pixels = view.Replayed();
    equal = pixels && SameDigest(HashOf(pixels->data), packet.digest());
  }
  if (!equal) ++report_.different.frames;
  return equal ? FrameCheck::kEqual : FrameCheck::kDifferent;
}

Status Player::Run::OnFrame(const proto::Frame& packet) {
  TraceFrame view(packet, place_, FrameCheck::kNone, player_.reader_, player_.device_);
  view.set_check(CheckFrame(packet, view));
  ReportReadback();
  ++report_.frames;
  place_.frame = packet.number() + 1;
  // Fences that the trace holds no packet for must not pile up in the renderer.
  player_.renderer_.PollFences(0);
  const auto& options = player_.options_;
  if (options.Wants(packet.number())) {
    ++report_.timed_frames;
    clock_.Present();
    const auto go_on = player_.observer_.OnFrame(view);
    clock_.Resume();
    if (!go_on) return tl::unexpected(go_on.error());
    report_.stopped = !*go_on;
  }
  if (packet.number() + 1 == options.first_frame) BeginTiming();
  done_ = report_.stopped || packet.number() >= options.last_frame;
  return {};
}

void Player::Run::OnLoss(const proto::Loss& loss) {
  ++report_.losses;
  const std::string commands =
      loss.commands() == 0 ? "commands" : fmt::format("{} commands", loss.commands());
  Note(fmt::format("the recorder lost {} from command {} on ({} bytes): {}", commands,
                   loss.first_command(), loss.bytes(), loss.reason()));
}

// The driver was reset before: the one that follows counts its fences from the start, and the old
// one's are nobody's.
void Player::Run::OnFeatures(uint64_t bits) {
  fences_.ForgetAll();
  player_.device_.SetFeatures(bits);
}

void Player::Run::OnDisplay(const proto::Display& packet) {
  Display display;
  display.enabled = packet.enabled();
  display.rect = {packet.x(), packet.y(), packet.width(), packet.height()};
  display.flags = packet.flags();
  const Bytes edid = BytesOf(packet.edid());
  display.edid.assign(edid.begin(), edid.end());
  player_.device_.SetDisplay(packet.scanout(), std::move(display));
}

void Player::Run::OnGuestMemory(const proto::GuestMemory& packet) {
  std::vector<GuestRegion> regions;
  for (const auto& region : packet.region()) {
    regions.push_back({region.guest_address(), region.size()});
  }
  player_.device_.SetGuestMemory(std::move(regions));
}

// Its account refuses what the live device's refused. What it clears, the trace's memory is
// without.
void Player::Run::OnDedicatedHeap(const proto::DedicatedHeap& packet) {
  if (packet.size() == 0) return player_.device_.SetHeap(std::nullopt, {});
  player_.device_.SetHeap(
      DedicatedHeap{packet.id(), packet.guest_address(), packet.size(), packet.granularity(),
                    packet.cache_mode(), packet.read_only(), packet.context_quota()},
      {});
}

void Player::Run::Report(Finding::Kind kind, uint32_t resource_id, std::string what,
                         bool by_digest) {
  player_.observer_.OnFinding(Finding{kind, place_, resource_id, std::move(what), by_digest});
}

void Player::Run::NoteDamage() {
  const auto& damage = player_.reader_.summary().damage;
  for (; damage_noted_ < damage.size(); ++damage_noted_) Note(damage[damage_noted_].what);
}

void Player::Run::Note(const std::string& note) { player_.observer_.OnNote(note); }

void Player::Run::BeginTiming() {
  player_.observer_.OnTimingBegin();
  clock_.Begin();
  recorded_begin_ns_ = recorded_ns_;
}

void Player::Run::EndTiming() {
  clock_.End(report_);
  report_.recorded_ns = recorded_ns_ - std::min(recorded_ns_, recorded_begin_ns_);
}

Player::Player(TraceSource& reader, Device& device, TimedRenderer& renderer, FenceLog& fences,
               const PlayerOptions& options, PlayerObserver& observer)
    : reader_(reader),
      device_(device),
      renderer_(renderer),
      fences_(fences),
      options_(options),
      observer_(observer) {}

Player::~Player() = default;

Result<PlayReport> Player::Play() { return Run(*this).Play(); }

}  // namespace vgpu
