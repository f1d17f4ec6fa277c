#include "capture/recorder/renderer_recording.h"

#include <fmt/format.h>

#include <utility>

#include "capture/ring/clock.h"

namespace vgpu {

namespace {

// What one renderer may move before the others have their turn.
constexpr uint64_t kSliceBytes = 4u << 20;
// What a record counts for beside its payload.
constexpr uint64_t kRecordCost = 64;

Error WhyItGaveUp(GaveUp why) {
  return {ErrorCode::kFailed,
          why == GaveUp::kNoMemory
              ? "the recorded program had no memory left to record with"
              : "the recorded program closed its connection to the recorder, and filled the ring "
                "faster than it was emptied"};
}

bool StartsCommand(uint16_t type) {
  return type == static_cast<uint16_t>(ring::RecordType::kMemory) ||
         type == static_cast<uint16_t>(ring::RecordType::kBegin);
}

TraceWriterOptions WithLimit(TraceWriterOptions options, const RecordingLimits& limits) {
  options.max_file_bytes = limits.max_file_bytes;
  return options;
}

}  // namespace

RendererRecording::RendererRecording(std::unique_ptr<RingReader> ring, RendererOrigin origin,
                                     OutputFiles& files, const TraceWriterOptions& options,
                                     const RecordingLimits& limits)
    : ring_(std::move(ring)),
      origin_(std::move(origin)),
      output_(files, WithLimit(options, limits)),
      translator_(origin_, output_),
      limits_(limits) {}

bool RendererRecording::Drain(uint64_t now_ns) {
  if (finished()) return false;
  const bool more = DrainSlice();
  if (finished()) return false;
  NoteLoss();
  if (Status status = output_.FlushIfDue(now_ns); !status) Fail(status.error());
  return more && !finished();
}

bool RendererRecording::DrainSlice() {
  const uint64_t before = ring_->taken_bytes();
  for (uint64_t moved = 0; moved < kSliceBytes;) {
    const GaveUp gave_up = ring_->gave_up();
    RingReader::Record record = {};
    const auto next = ring_->Next(record);
    if (!next) {
      Fail(next.error());
      return false;
    }
    if (!*next) {
      if (gave_up != GaveUp::kNo && ring_->pending_bytes() == 0) Fail(WhyItGaveUp(gave_up));
      return !finished() && ring_->taken_bytes() != before;
    }
    ++records_;
    moved += record.payload.size() + kRecordCost;
    if (translator_.frames_seen() > limits_.last_frame && StartsCommand(record.type)) {
      CloseBecause(fmt::format("frame {} was the last to be recorded", limits_.last_frame));
      return false;
    }
    if (Status status = translator_.Take(record.type, record.payload); !status) {
      Fail(status.error());
      return false;
    }
  }
  return true;
}

void RendererRecording::NoteLoss() {
  const DropCounts dropped = ring_->dropped();
  for (size_t cause = 0; cause < kDropCauses; ++cause) {
    const DropCount lost = {dropped[cause].records - lost_[cause].records,
                            dropped[cause].bytes - lost_[cause].bytes};
    if (lost.records == 0) continue;
    lost_[cause] = dropped[cause];
    if (Status status = translator_.NoteLoss(static_cast<DropCause>(cause), lost); !status) {
      return Fail(status.error());
    }
  }
}

void RendererRecording::Finish(const proto::End& end, Translator::OpenCommand open) {
  if (finished()) return;
  ring_->Stop();
  while (DrainSlice()) {
  }
  if (finished()) return;
  NoteLoss();
  if (!finished()) Close(end, open);
}

void RendererRecording::Close(const proto::End& end, Translator::OpenCommand open) {
  ring_->Stop();
  ring_.reset();
  end_reason_ = end.reason();
  Status status = translator_.Finish(end, open);
  if (status) status = output_.Close();
  if (!status && !error_) error_ = status.error();
}

void RendererRecording::CloseBecause(const std::string& reason) {
  proto::End end;
  end.set_reason(reason);
  end.set_time_ns(MonotonicNs());
  Close(end, Translator::OpenCommand::kLeftOut);
}

// At its size limit a file takes an end and no more. One that cannot be written stays cut back to
// its last whole chunk. Where the ring is at fault, the file ends as it should.
void RendererRecording::Fail(const Error& error) {
  if (output_.size_limit_reached()) {
    translator_.Discard();
    return CloseBecause(
        fmt::format("the file reached its limit of {} bytes", limits_.max_file_bytes));
  }
  error_ = error;
  CloseBecause(error.message);
}

void RendererRecording::Mark(std::string_view text, uint64_t time_ns) {
  if (finished()) return;
  if (Status status = translator_.Mark(text, time_ns); !status) Fail(status.error());
}

RendererStatus RendererRecording::status() const {
  RendererStatus status;
  status.pid = origin_.pid;
  status.file = output_.path();
  status.recording = !finished();
  status.counts = translator_.counts();
  status.file_bytes = output_.file_bytes();
  status.boundary_bytes = output_.boundary_bytes();
  status.pending_bytes = finished() ? 0 : ring_->pending_bytes();
  status.end_reason = end_reason_;
  if (error_) status.error = error_->message;
  return status;
}

}  // namespace vgpu
