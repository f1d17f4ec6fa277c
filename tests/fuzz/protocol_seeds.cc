// Writes the input of each golden case as a file of its own: protocol_seeds GOLDEN_DIR OUT_DIR.
// OUT_DIR/command gets requests and responses, OUT_DIR/virgl the dwords of streams.

#include <filesystem>
#include <fstream>

#include "format/protocol/virtio_gpu.h"
#include "tests/format/protocol/golden_case.h"

namespace {

void WriteSeed(const std::filesystem::path& path, vgpu::Bytes bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::filesystem::path out(argv[2]);
  std::filesystem::create_directories(out / "command");
  std::filesystem::create_directories(out / "virgl");
  for (const auto& path : vgpu::GoldenCases(argv[1])) {
    const vgpu::GoldenCase golden = vgpu::ReadGoldenCase(path);
    const vgpu::Bytes bytes(golden.bytes);
    WriteSeed(out / "command" / path.stem(), bytes);
    if (golden.kind == "stream") {
      WriteSeed(out / "virgl" / path.stem(), bytes.subspan(sizeof(vgpu::wire::Submit3d)));
    }
  }
  return 0;
}
