// A PCI function that no driver of the kernel's has, through sysfs. Needs root.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

// What cannot be done ends the program with a sentence. Mappings last as long as the process.
class PciDevice {
 public:
  struct Bar {
    uint64_t address = 0;  // guest-physical
    uint64_t size = 0;     // 0: there is no such BAR
  };

  // The first function with these ids.
  static std::optional<PciDevice> Find(uint16_t vendor, uint16_t device);

  const std::string& name() const { return name_; }
  // Has it decode its memory and reach the guest's by itself, without interrupts.
  void Enable() const;
  // Bytes of the configuration space, little endian.
  uint32_t Config(uint32_t offset, uint32_t bytes) const;
  Bar BarAt(uint32_t index) const;
  // The whole BAR; as write-combined memory where the kernel offers that, if `is_memory`.
  std::span<std::byte> MapBar(uint32_t index, bool is_memory) const;

 private:
  explicit PciDevice(std::string name) : name_(std::move(name)) {}
  std::string File(const std::string& name) const;

  std::string name_;  // such as 0000:00:02.0
};
