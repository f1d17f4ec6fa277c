// The session's answer to each request of messages.def.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "capture/vhost_user/session.h"

namespace vgpu::vhost {

namespace {

// Bits that change the rings in ways that are not served. Others that were not offered do no harm,
// and QEMU passes on what it offers the guest by itself, such as a reset of single queues.
constexpr uint64_t kHarmfulFeatures =
    kDeviceFeatures | kFeaturePlatformAccess | kFeaturePackedRing | kFeatureInOrder;

// struct virtio_gpu_config. Its first field, events_read, is the front-end's: the display is there.
struct GpuConfig {
  le32 events_read;
  le32 events_clear;
  le32 num_scanouts;
  le32 num_capsets;
};
static_assert(sizeof(GpuConfig) == 16);

std::vector<std::byte> None() { return {}; }

// The config's head, where the range is inside the config space and the payload has its size.
Result<ConfigHead> CheckedConfig(const Message& message) {
  const auto head = PayloadAs<ConfigHead>(message.payload);
  if (head.offset > kMaxConfigBytes || head.size > kMaxConfigBytes - head.offset) {
    return Refuse(message, fmt::format("is for {} bytes at {} of a config space of {} bytes",
                                       head.size, head.offset, kMaxConfigBytes));
  }
  if (message.payload.size() != sizeof(head) + head.size) {
    return Refuse(message, fmt::format("is for {} bytes and brings {}", head.size,
                                       message.payload.size() - sizeof(head)));
  }
  return head;
}

}  // namespace

bool Session::event_index() const { return (features_ & kFeatureEventIndex) != 0; }

Result<Vring*> Session::FindVring(uint64_t index) {
  if (index < kQueueCount) return vrings_[index].get();
  return MakeError(ErrorCode::kFailed,
                   fmt::format("queue {} is asked for, there are {}", index, kQueueCount));
}

Session::Reply Session::GetFeatures(Message&) {
  return PayloadBytes<uint64_t>(device_.features | kFeatureVersion1 | kFeatureIndirect |
                                kFeatureEventIndex | kFeatureProtocol);
}

Session::Reply Session::SetFeatures(Message& message) {
  const auto features = PayloadAs<uint64_t>(message.payload);
  if (const uint64_t wrong = features & ~device_.features & kHarmfulFeatures; wrong != 0) {
    return Refuse(message, fmt::format("takes features {:#x}, which were not offered", wrong));
  }
  features_ = features;
  if ((features & kFeatureProtocol) == 0) {  // then rings need no SET_VRING_ENABLE
    for (const auto& vring : vrings_) vring->Enable(true);
  }
  handler_.OnFeatures(features);
  return None();
}

Session::Reply Session::SetOwner(Message&) { return None(); }

Session::Reply Session::GetProtocolFeatures(Message&) {
  return PayloadBytes<uint64_t>(OfferedProtocolFeatures(has_shared_regions()));
}

Session::Reply Session::SetProtocolFeatures(Message& message) {
  const auto features = PayloadAs<uint64_t>(message.payload);
  const uint64_t offered = OfferedProtocolFeatures(has_shared_regions());
  if (const uint64_t wrong = features & ~offered; wrong != 0) {
    return Refuse(message,
                  fmt::format("takes protocol features {:#x}, which were not offered", wrong));
  }
  protocol_features_ = features;
  return None();
}

Session::Reply Session::GetQueueNum(Message&) { return PayloadBytes<uint64_t>(kQueueCount); }

Session::Reply Session::GetMaxMemSlots(Message&) { return PayloadBytes<uint64_t>(kMaxRegions); }

void Session::MemoryChanged() {
  for (uint32_t i = 0; i < kQueueCount; ++i) {
    if (Status status = vrings_[i]->MemoryChanged(memory_, event_index()); !status) {
      BreakQueue(i, status.error());
    }
  }
  handler_.OnMemoryChanged();
}

Session::Reply Session::SetMemTable(Message& message) {
  const auto head = PayloadAs<MemoryTableHead>(message.payload);
  const std::size_t brought = message.payload.size() - sizeof(head);
  if (brought != head.count * uint64_t{sizeof(MemoryRegion)}) {
    return Refuse(message,
                  fmt::format("names {} regions and brings {} bytes of them", head.count, brought));
  }
  std::vector<MemoryRegion> regions(head.count);
  if (brought > 0) std::memcpy(regions.data(), message.payload.data() + sizeof(head), brought);
  const auto old = memory_.Replace(regions, message.fds);
  if (!old) return tl::unexpected(old.error());
  MemoryChanged();
  return None();
}

Session::Reply Session::AddMemReg(Message& message) {
  if (message.fds.empty()) return Refuse(message, "comes without a descriptor");
  const auto single = PayloadAs<SingleRegion>(message.payload);
  if (Status status = memory_.Add(single.region, message.fds[0].get()); !status) {
    return tl::unexpected(status.error());
  }
  MemoryChanged();
  return None();
}

Session::Reply Session::RemMemReg(Message& message) {
  const auto single = PayloadAs<SingleRegion>(message.payload);
  const auto old = memory_.Remove(single.region);
  if (!old) return tl::unexpected(old.error());
  MemoryChanged();
  return None();
}

Session::Reply Session::SetVringNum(Message& message) {
  const auto state = PayloadAs<VringState>(message.payload);
  const auto vring = FindVring(state.index);
  if (!vring) return tl::unexpected(vring.error());
  return (*vring)->SetSize(state.num).map(None);
}

Session::Reply Session::SetVringBase(Message& message) {
  const auto state = PayloadAs<VringState>(message.payload);
  const auto vring = FindVring(state.index);
  if (!vring) return tl::unexpected(vring.error());
  return (*vring)->SetBase(state.num).map(None);
}

Session::Reply Session::SetVringAddr(Message& message) {
  const auto address = PayloadAs<VringAddress>(message.payload);
  const auto vring = FindVring(address.index);
  if (!vring) return tl::unexpected(vring.error());
  return (*vring)->SetAddress(address, memory_, event_index()).map(None);
}

Session::Reply Session::GetVringBase(Message& message) {
  const auto state = PayloadAs<VringState>(message.payload);
  const auto vring = FindVring(state.index);
  if (!vring) return tl::unexpected(vring.error());
  if ((*vring)->running()) handler_.Drain(state.index);
  if (const std::size_t lost = (*vring)->running() ? (*vring)->queue().in_flight() : 0; lost > 0) {
    handler_.OnProblem(
        {ErrorCode::kFailed,
         fmt::format("queue {} stops with {} requests unanswered", state.index, lost)});
  }
  return PayloadBytes(VringState{state.index, (*vring)->Stop()});
}

Session::Reply Session::SetVringEnable(Message& message) {
  const auto state = PayloadAs<VringState>(message.payload);
  const auto vring = FindVring(state.index);
  if (!vring) return tl::unexpected(vring.error());
  (*vring)->Enable(state.num != 0);
  if ((*vring)->running()) (*vring)->KickAgain();  // for kicks that came before
  return None();
}

Result<Vring*> Session::TakeVringFd(Message& message, UniqueFd& fd) {
  const auto value = PayloadAs<uint64_t>(message.payload);
  if (((value & kVringNoFd) != 0) != message.fds.empty()) {
    return Refuse(message, fmt::format("has value {:#x} and comes with {} descriptors", value,
                                       message.fds.size()));
  }
  if (!message.fds.empty()) fd = std::move(message.fds[0]);
  return FindVring(value & kVringIndexMask);
}

Session::Reply Session::SetVringKick(Message& message) {
  UniqueFd kick;
  const auto vring = TakeVringFd(message, kick);
  if (!vring) return tl::unexpected(vring.error());
  if (!kick) return Refuse(message, "comes without a descriptor; queues are not polled");
  if (Status status = (*vring)->Start(std::move(kick), memory_, event_index()); !status) {
    return tl::unexpected(status.error());
  }
  (*vring)->KickAgain();  // what was available before
  return None();
}

Session::Reply Session::SetVringCall(Message& message) {
  UniqueFd call;
  const auto vring = TakeVringFd(message, call);
  if (!vring) return tl::unexpected(vring.error());
  (*vring)->SetCall(std::move(call));
  return None();
}

Session::Reply Session::SetVringErr(Message& message) {
  UniqueFd error;
  const auto vring = TakeVringFd(message, error);
  if (!vring) return tl::unexpected(vring.error());
  (*vring)->SetError(std::move(error));
  return None();
}

Session::Reply Session::GetConfig(Message& message) {
  const auto head = CheckedConfig(message);
  if (!head) return tl::unexpected(head.error());
  const GpuConfig config = {0, 0, device_.scanouts, device_.capsets};
  std::byte space[kMaxConfigBytes] = {};
  std::memcpy(space, &config, sizeof(config));
  std::vector<std::byte> reply = PayloadBytes(*head);
  reply.insert(reply.end(), space + head->offset, space + head->offset + head->size);
  return reply;
}

// Its one writable field, events_clear, acts on events_read, which is the front-end's.
Session::Reply Session::SetConfig(Message& message) {
  const auto head = CheckedConfig(message);
  if (!head) return tl::unexpected(head.error());
  return None();
}

Session::Reply Session::GpuSetSocket(Message& message) {
  if (message.fds.empty()) return Refuse(message, "comes without a descriptor");
  handler_.OnDisplay(std::move(message.fds[0]));
  return None();
}

Session::Reply Session::ResetDevice(Message&) {
  for (const auto& vring : vrings_) {
    vring->Stop();
    vring->Enable(false);
  }
  if (window_) window_->Reset();
  handler_.OnReset();
  return None();
}

}  // namespace vgpu::vhost
