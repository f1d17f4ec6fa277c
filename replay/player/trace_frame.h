// A frame packet and the two pictures of it.
#pragma once

#include "format/trace/trace_source.h"
#include "replay/player/observer.h"

namespace vgpu {

// All that it refers to outlives it.
class TraceFrame : public FrameView {
 public:
  TraceFrame(const proto::Frame& packet, const CommandPlace& place, FrameCheck check,
             TraceSource& reader, Device& device)
      : packet_(packet), place_(place), check_(check), reader_(reader), device_(device) {}

  const proto::Frame& packet() const override { return packet_; }
  const CommandPlace& place() const override { return place_; }
  FrameCheck check() const override { return check_; }
  void set_check(FrameCheck check) { check_ = check; }

  const Result<Pixels>& Replayed() override {
    if (!replayed_) {
      replayed_ = device_.ReadPixels(packet_.resource_id(), packet_.x(), packet_.y(),
                                     packet_.width(), packet_.height());
    }
    return *replayed_;
  }

  std::optional<Result<Pixels>> Recorded() override {
    if (packet_.picture().empty()) return std::nullopt;
    Pixels pixels{packet_.width(), packet_.height(), packet_.format(), packet_.y_0_top(), {}};
    if (const auto status = reader_.AppendBlobs(packet_.picture(), pixels.data); !status) {
      return tl::unexpected(status.error());
    }
    return pixels;
  }

 private:
  const proto::Frame& packet_;
  const CommandPlace& place_;
  FrameCheck check_;
  TraceSource& reader_;
  Device& device_;
  std::optional<Result<Pixels>> replayed_;
};

}  // namespace vgpu
