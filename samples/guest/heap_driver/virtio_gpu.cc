#include "virtio_gpu.h"

#include <unistd.h>

#include <utility>

#include "report.h"

namespace {

// Vendor capabilities (virtio 1.2, 4.1.4): offsets in them, and kinds.
constexpr uint32_t kFirstCapability = 0x34;
constexpr uint32_t kKindAt = 3, kBarAt = 4, kOffsetAt = 8, kNotifyMultiplierAt = 16;
constexpr uint8_t kVendor = 9, kCommonKind = 1, kNotifyKind = 2;

// The common configuration (4.1.4.3): offsets.
constexpr uint32_t kDeviceFeatureSelect = 0, kDeviceFeature = 4, kDriverFeatureSelect = 8,
                   kDriverFeature = 12, kStatus = 20, kQueueSelect = 22, kQueueSize = 24,
                   kQueueEnable = 28, kQueueNotifyOff = 30, kQueueDescriptors = 32,
                   kQueueAvailable = 40, kQueueUsed = 48;

constexpr uint8_t kAcknowledge = 1, kDriver = 2, kDriverOk = 4, kFeaturesOk = 8;
constexpr uint64_t kVersion1 = 1ull << 32;

}  // namespace

VirtioGpu::VirtioGpu(PciDevice pci) : pci_(std::move(pci)) {
  pci_.Enable();
  common_ = Find(kCommonKind);
  notify_ = Find(kNotifyKind);
  Reset();
  Negotiate();
  for (const uint16_t index : {0, 1}) StartQueue(index);
  common_.Field<uint8_t>(kStatus) = kAcknowledge | kDriver | kFeaturesOk | kDriverOk;
}

VirtioGpu::~VirtioGpu() { Reset(); }

VirtioGpu::Registers VirtioGpu::Find(uint8_t kind) const {
  for (uint32_t at = pci_.Config(kFirstCapability, 1); at != 0; at = pci_.Config(at + 1, 1)) {
    if (pci_.Config(at, 1) != kVendor || pci_.Config(at + kKindAt, 1) != kind) continue;
    const std::span<std::byte> bar = pci_.MapBar(pci_.Config(at + kBarAt, 1), false);
    return {bar.data() + pci_.Config(at + kOffsetAt, 4), at};
  }
  Fail("the PCI device %s has no virtio capability of kind %u", pci_.name().c_str(), kind);
}

void VirtioGpu::Reset() {
  common_.Field<uint8_t>(kStatus) = 0;
  while (common_.Field<uint8_t>(kStatus) != 0) usleep(1000);
}

uint64_t VirtioGpu::Offered() const {
  uint64_t features = 0;
  for (const uint32_t half : {0u, 1u}) {
    common_.Field<uint32_t>(kDeviceFeatureSelect) = half;
    features |= uint64_t{common_.Field<uint32_t>(kDeviceFeature)} << (32 * half);
  }
  return features;
}

void VirtioGpu::Negotiate() {
  common_.Field<uint8_t>(kStatus) = kAcknowledge;
  common_.Field<uint8_t>(kStatus) = kAcknowledge | kDriver;
  features_ = Offered() & (kVersion1 | kFeatureVirgl);
  for (const uint32_t half : {0u, 1u}) {
    common_.Field<uint32_t>(kDriverFeatureSelect) = half;
    common_.Field<uint32_t>(kDriverFeature) = static_cast<uint32_t>(features_ >> (32 * half));
  }
  common_.Field<uint8_t>(kStatus) = kAcknowledge | kDriver | kFeaturesOk;
  if ((common_.Field<uint8_t>(kStatus) & kFeaturesOk) == 0) {
    Fail("the device refuses the features 0x%llx", static_cast<unsigned long long>(features_));
  }
}

void VirtioGpu::StartQueue(uint16_t index) {
  const auto set64 = [this](uint32_t offset, uint64_t value) {
    common_.Field<uint32_t>(offset) = static_cast<uint32_t>(value);
    common_.Field<uint32_t>(offset + 4) = static_cast<uint32_t>(value >> 32);
  };
  Virtqueue& queue = queues_[index];
  common_.Field<uint16_t>(kQueueSelect) = index;
  if (common_.Field<uint16_t>(kQueueSize) < Virtqueue::kSize) {
    Fail("queue %u has room for %u requests, fewer than %u", index,
         common_.Field<uint16_t>(kQueueSize), Virtqueue::kSize);
  }
  common_.Field<uint16_t>(kQueueSize) = Virtqueue::kSize;
  set64(kQueueDescriptors, queue.descriptors());
  set64(kQueueAvailable, queue.available());
  set64(kQueueUsed, queue.used());
  const uint32_t step = pci_.Config(notify_.capability + kNotifyMultiplierAt, 4);
  queue.SetNotify(&notify_.Field<uint16_t>(common_.Field<uint16_t>(kQueueNotifyOff) * step), index);
  common_.Field<uint16_t>(kQueueEnable) = 1;
}
