#include "capture/launcher/mesa.h"

#include <stdlib.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace vgpu {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kVariable = "VTEST_SOCKET_NAME";

void AddPathList(const char* variable, std::vector<fs::path>& folders) {
  const char* value = getenv(variable);
  std::string rest = value != nullptr ? value : "";
  while (!rest.empty()) {
    const size_t colon = rest.find(':');
    if (colon != 0) folders.emplace_back(rest.substr(0, colon));
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
}

std::vector<fs::path> LibraryFolders() {
  std::vector<fs::path> folders;
  AddPathList("LIBGL_DRIVERS_PATH", folders);
  AddPathList("LD_LIBRARY_PATH", folders);
  for (const char* base : {"/usr/local/lib", "/usr/lib"}) {
    folders.emplace_back(fs::path(base) / VGPU_LIBRARY_TRIPLET);
    folders.emplace_back(base);
  }
  folders.emplace_back("/usr/lib64");
  return folders;
}

// Mesa's gallium drivers in one folder: one library since 24.2, one file under several names in
// dri/ before.
std::optional<fs::path> DriverIn(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("libgallium-") && name.ends_with(".so")) return entry.path();
  }
  for (const char* name :
       {"swrast_dri.so", "dri/swrast_dri.so", "virtio_gpu_dri.so", "dri/virtio_gpu_dri.so"}) {
    if (fs::is_regular_file(folder / name, error)) return folder / name;
  }
  return std::nullopt;
}

}  // namespace

bool DriverTakesSocketName(const fs::path& driver) {
  std::ifstream file(driver, std::ios::binary);
  std::string window;
  std::string block(1u << 20, '\0');
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0) {
    window.append(block, 0, static_cast<size_t>(file.gcount()));
    if (memmem(window.data(), window.size(), kVariable.data(), kVariable.size()) != nullptr)
      return true;
    window.erase(0, window.size() - std::min(window.size(), kVariable.size() - 1));
  }
  return false;
}

bool MesaTakesSocketName() {
  for (const fs::path& folder : LibraryFolders()) {
    if (const auto driver = DriverIn(folder)) return DriverTakesSocketName(*driver);
  }
  return false;
}

}  // namespace vgpu
