#include "pci_device.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "report.h"

namespace {

namespace fs = std::filesystem;

constexpr char kDevices[] = "/sys/bus/pci/devices";
constexpr uint32_t kCommand = 4;  // its offset in the configuration space
constexpr uint16_t kMemorySpace = 1 << 1, kBusMaster = 1 << 2, kNoInterrupt = 1 << 10;

uint32_t NumberIn(const fs::path& file) {
  std::ifstream in(file);
  uint32_t number = 0;
  in >> std::hex >> number;
  return number;
}

int OpenOrFail(const std::string& file, int flags) {
  const int fd = open(file.c_str(), flags | O_CLOEXEC);
  if (fd < 0) Fail("%s cannot be opened: %s", file.c_str(), std::strerror(errno));
  return fd;
}

}  // namespace

std::optional<PciDevice> PciDevice::Find(uint16_t vendor, uint16_t device) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(kDevices, error)) {
    if (NumberIn(entry.path() / "vendor") != vendor) continue;
    if (NumberIn(entry.path() / "device") != device) continue;
    if (fs::exists(entry.path() / "driver")) {
      Fail("a driver of the kernel's has the PCI device %s", entry.path().filename().c_str());
    }
    return PciDevice(entry.path().filename());
  }
  return {};
}

std::string PciDevice::File(const std::string& name) const {
  return std::string(kDevices) + "/" + name_ + "/" + name;
}

void PciDevice::Enable() const {
  const uint16_t command =
      static_cast<uint16_t>(Config(kCommand, 2)) | kMemorySpace | kBusMaster | kNoInterrupt;
  const int fd = OpenOrFail(File("config"), O_RDWR);
  if (pwrite(fd, &command, sizeof command, kCommand) != sizeof command) {
    Fail("the PCI device %s cannot be enabled: %s", name_.c_str(), std::strerror(errno));
  }
  close(fd);
}

uint32_t PciDevice::Config(uint32_t offset, uint32_t bytes) const {
  uint32_t value = 0;
  const int fd = OpenOrFail(File("config"), O_RDONLY);
  if (pread(fd, &value, bytes, offset) != static_cast<ssize_t>(bytes)) {
    Fail("byte %u of the configuration of %s cannot be read", offset, name_.c_str());
  }
  close(fd);
  return value;
}

// A line for each BAR: its first and last address, and flags.
PciDevice::Bar PciDevice::BarAt(uint32_t index) const {
  std::ifstream in(File("resource"));
  std::string line;
  for (uint32_t i = 0; i <= index; ++i) std::getline(in, line);
  uint64_t first = 0, last = 0;
  if (std::sscanf(line.c_str(), "%" SCNx64 " %" SCNx64, &first, &last) != 2 || first == 0)
    return {};
  return {first, last - first + 1};
}

std::span<std::byte> PciDevice::MapBar(uint32_t index, bool is_memory) const {
  const uint64_t size = BarAt(index).size;
  if (size == 0) Fail("the PCI device %s has no BAR %u", name_.c_str(), index);
  std::string file = File("resource" + std::to_string(index));
  if (is_memory && fs::exists(file + "_wc")) file += "_wc";
  const int fd = OpenOrFail(file, O_RDWR);
  void* map = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) Fail("%s cannot be mapped: %s", file.c_str(), std::strerror(errno));
  close(fd);
  return {static_cast<std::byte*>(map), size};
}
