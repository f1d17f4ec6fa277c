// Writes seeds for fuzz_trace: traces, whole and damaged, and payloads with every kind of packet.
#include <filesystem>
#include <fstream>

#include "tests/format/trace/trace_builder.h"

namespace {

void Save(const std::filesystem::path& path, char how, const std::string& content) {
  // FuzzedDataProvider takes integers from the end.
  std::ofstream(path) << content << how;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  const std::string trace = vgpu::SmallTrace(3, 0);
  Save(folder / "plain", 0, trace);
  Save(folder / "packed", 0, vgpu::SmallTrace(3, 1));
  Save(folder / "cut", 0, trace.substr(0, trace.size() - 40));
  Save(folder / "added", 0, trace.substr(0, 300) + "garbage" + trace.substr(300));
  vgpu::proto::Packets payload;
  *payload.add_packet() = vgpu::SessionPacket();
  *payload.add_packet() = vgpu::CommandPacket(0);
  *payload.add_packet() = vgpu::FramePacket(0, 0);
  *payload.add_packet() = vgpu::MemoryPacket(1, {0}, 4);
  for (const auto& packet : vgpu::OtherPackets()) *payload.add_packet() = packet;
  Save(folder / "kinds", 1, payload.SerializeAsString());
}
