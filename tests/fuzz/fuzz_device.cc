// The device on the null renderer: any sequence of commands is answered, with what it asks for kept
// inside small budgets.
//
// Input: commands, each a row of the table, then (offset, value) pairs of bytes that are not 0 in
// its struct, then what follows the struct. Small ids are thus as likely as guests make them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "replay/device/device.h"

namespace {

constexpr vgpu::CommandType kTypes[] = {
#define VGPU_COMMAND(NAME, value, queue, feature, Request, OK_RESPONSE, Trailing) vgpu::CommandType::NAME,
#include "format/protocol/virtio_gpu.def"
};

class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(data, size) {}
  bool empty() const { return rest_.empty(); }
  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte;
  }
  std::vector<std::byte> Request(const vgpu::CommandInfo& info) {
    std::vector<std::byte> bytes(info.request_size);
    const uint32_t type = static_cast<uint32_t>(info.type);
    for (int pairs = Byte() % 16; pairs > 0; --pairs) {
      const size_t offset = Byte() % bytes.size();
      bytes[offset] = std::byte{Byte()};
    }
    for (int i = 0; i < 4; ++i) bytes[i] = std::byte(type >> (8 * i));
    for (int more = Byte(); more > 0; --more) bytes.push_back(std::byte{Byte()});
    return bytes;
  }

 private:
  std::span<const uint8_t> rest_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto renderer = vgpu::CreateNullRenderer([](const vgpu::FenceId&) {});
  vgpu::DeviceOptions options;
  options.max_memory = 1 << 20;
  options.max_host_memory = 16 << 20;  // some contexts
  vgpu::Device device(*renderer, options);
  for (Input input(data, size); !input.empty();) {
    const vgpu::CommandInfo& info =
        *vgpu::FindCommand(static_cast<uint32_t>(kTypes[input.Byte() % std::size(kTypes)]));
    const std::vector<std::byte> request = input.Request(info);
    const auto response = device.Execute({0, info.queue, request, {}});
    if (!response || response->bytes.size() < sizeof(vgpu::wire::CtrlHeader)) std::abort();
    (void)device.ReadPixels(1, 0, 0, 1, 1);
    renderer->PollFences(0);
  }
  return 0;
}
