#include "replay/worker/replay_observer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "replay/frames/png.h"
#include "replay/worker/environment.h"

namespace vgpu {

namespace {

const char* NameOf(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::kResponse:
      return "response";
    case Finding::Kind::kReadback:
      return "readback";
    case Finding::Kind::kFence:
      return "fence";
  }
  return "unknown";
}

DifferenceEvent DifferenceOf(FrameResult result) {
  DifferenceEvent event;
  event.kind = result.golden ? "golden" : "frame";
  event.frame = result.frame;
  event.message = result.message;
  event.picture = std::move(result);
  return event;
}

DifferenceEvent DifferenceOf(FrameView& frame, FrameResult result) {
  const CommandPlace& place = frame.place();
  DifferenceEvent event = DifferenceOf(std::move(result));
  event.command = place.number;
  event.command_name = CommandName(static_cast<CommandType>(place.type));
  event.context = place.context;
  event.resource = frame.packet().resource_id();
  return event;
}

}  // namespace

ReplayObserver::ReplayObserver(const ReplayJob& job, ProgressPage& page,
                               const WorkerChannel& channel, PlaybackControl& playback)
    : job_(job), page_(page), channel_(channel), playback_(playback), judge_(job) {}

Status ReplayObserver::OnRenderer(const RendererInfo& renderer) {
  if (!job_.check_content) return {};
  return judge_.Begin(EnvironmentOf(renderer));
}

bool ReplayObserver::OnCommand(const CommandPlace& place) {
  place_ = place;
  replaying_ = true;
  page_.SetPlace(place);
  // A trace need not present anything, nor soon.
  return !job_.window || !playback_.stopped();
}

void ReplayObserver::OnWait() { page_.Beat(); }

void ReplayObserver::OnFinding(const Finding& finding) {
  DifferenceEvent event;
  event.kind = NameOf(finding.kind);
  event.command = finding.place.number;
  event.command_name = CommandName(static_cast<CommandType>(finding.place.type));
  event.context = finding.place.context;
  event.frame = finding.place.frame;
  event.resource = finding.resource_id;
  event.message = fmt::format("{}: {}", Describe(finding.place), finding.what);
  if (finding.by_digest && !judge_.IsExact()) {
    ++not_judged_;
    OnNote(event.message + "; this is not judged");
    return;
  }
  Send(event);
}

void ReplayObserver::OnNote(const std::string& note) {
  if (!first_loop_) return;  // each loop has the same
  if (notes_++ < kMaxListed) channel_.Send(EncodeEvent(NoteEvent{note}));
}

void ReplayObserver::OnRendererMessage(const std::string& line) {
  // For the report of a crash, which quotes the worker's last output.
  fmt::print(stderr, "{}\n", line);
  if (replaying_) OnNote(fmt::format("{}: the renderer says: {}", Describe(place_), line));
}

void ReplayObserver::Send(const DifferenceEvent& difference) {
  if (differences_++ < kMaxListed) {
    channel_.Send(EncodeEvent(difference));
  } else if (difference.picture) {
    SendResult(*difference.picture);
  }
}

void ReplayObserver::SendResult(const FrameResult& result) {
  if (first_loop_ && results_++ < kMaxFrameResults) channel_.Send(EncodeEvent(result));
}

Result<bool> ReplayObserver::OnFrame(FrameView& frame) {
  page_.Beat();
  if (const auto status = Judge(frame); !status) return tl::unexpected(status.error());
  if (job_.frame_digests && first_loop_) SendDigest(frame);
  const proto::Frame& packet = frame.packet();
  const bool wants_picture =
      !job_.pictures_folder.empty() && first_loop_ && job_.pictures.Has(packet.number());
  Image image;
  if (wants_picture || job_.window) {
    const auto& pixels = frame.Replayed();
    auto converted = pixels ? ToImage(*pixels) : tl::unexpected(pixels.error());
    if (!converted) {
      OnNote(fmt::format("frame {}: no picture: {}", packet.number(), converted.error().message));
    } else {
      image = std::move(*converted);
    }
  }
  if (wants_picture && image.width != 0) {
    if (const auto status = WritePicture(frame, image); !status) {
      return tl::unexpected(status.error());
    }
  }
  if (!job_.window && !job_.recorded_pace) return true;
  if (job_.recorded_pace) NoteGap(packet);
  return playback_.Present(packet.scanout(), packet.time_ns(), std::move(image));
}

void ReplayObserver::NoteGap(const proto::Frame& packet) {
  const uint64_t gap = packet.time_ns() - std::min(packet.time_ns(), last_frame_ns_);
  last_frame_ns_ = packet.time_ns();
  if (gap <= static_cast<uint64_t>(job_.max_frame_gap.count())) return;
  OnNote(
      fmt::format("frame {}: was presented {:.1f} s after the frame before it; the replay waits "
                  "{:.1f} s",
                  packet.number(), static_cast<double>(gap) * 1e-9,
                  std::chrono::duration<double>(job_.max_frame_gap).count()));
}

Status ReplayObserver::Judge(FrameView& frame) {
  if (!job_.check_content) return {};
  auto verdict = judge_.Judge(frame);
  if (!verdict) return tl::unexpected(verdict.error());
  Count(verdict->result);
  if (verdict->result.status == FrameStatus::kDifferent) {
    Send(DifferenceOf(frame, std::move(verdict->result)));
  } else {
    SendResult(verdict->result);
  }
  for (const std::string& note : verdict->notes) OnNote(note);
  return {};
}

void ReplayObserver::Count(const FrameResult& result) {
  if (result.golden && result.status != FrameStatus::kNotJudged) ++golden_compared_;
  if (result.golden && result.status == FrameStatus::kDifferent) ++golden_different_;
  if (result.status == FrameStatus::kNotJudged) ++not_judged_;
  if (result.status == FrameStatus::kWithin) ++tolerated_;
}

void ReplayObserver::SendDigest(FrameView& frame) {
  const auto& pixels = frame.Replayed();
  FrameEvent event{.frame = frame.packet().number(), .digest = {}, .failure = {}};
  if (pixels) {
    event.digest = ToHex(HashOf(pixels->data));
  } else {
    event.failure = pixels.error().message;
  }
  channel_.Send(EncodeEvent(event));
}

Status ReplayObserver::WritePicture(FrameView& frame, const Image& image) {
  const proto::Frame& packet = frame.packet();
  const auto path = job_.pictures_folder / FramePictureName(packet.number());
  if (const auto status = WritePng(path, image); !status) return status;
  channel_.Send(
      EncodeEvent(PictureEvent{packet.number(), packet.scanout(), image.width, image.height,
                               ToHex(HashOf(image.bytes())), path.filename().string()}));
  return {};
}

void ReplayObserver::OnEnd() {
  page_.Beat();
  if (first_loop_) {
    for (FrameResult& missing : judge_.Missing()) Send(DifferenceOf(std::move(missing)));
  }
  first_loop_ = false;
}

}  // namespace vgpu
