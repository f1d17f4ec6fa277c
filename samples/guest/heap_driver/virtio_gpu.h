// virtio-gpu on a modern PCI transport, driven from user space: the device is reset, its features
// are negotiated, its two queues are polled.
#pragma once

#include <cstdint>
#include <span>

#include "pci_device.h"
#include "virtqueue.h"

inline constexpr uint64_t kFeatureVirgl = 1ull << 0;

// One thread. What goes wrong ends the program with a sentence. The device is reset at the end too.
class VirtioGpu {
 public:
  explicit VirtioGpu(PciDevice pci);
  ~VirtioGpu();
  VirtioGpu(const VirtioGpu&) = delete;
  VirtioGpu& operator=(const VirtioGpu&) = delete;

  bool has_virgl() const { return (features_ & kFeatureVirgl) != 0; }
  Virtqueue& control() { return queues_[0]; }
  Virtqueue& cursor() { return queues_[1]; }

 private:
  // A structure in a BAR that a vendor capability points to.
  struct Registers {
    volatile std::byte* at = nullptr;
    uint32_t capability = 0;  // its offset in the configuration space

    template <typename T>
    volatile T& Field(uint32_t offset) const {
      return *reinterpret_cast<volatile T*>(at + offset);
    }
  };

  Registers Find(uint8_t kind) const;
  void Reset();
  void Negotiate();
  void StartQueue(uint16_t index);
  uint64_t Offered() const;

  PciDevice pci_;
  Registers common_, notify_;
  uint64_t features_ = 0;
  Virtqueue queues_[2];
};
