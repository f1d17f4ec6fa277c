// What the Mesa that a program would load can do.
#pragma once

#include <filesystem>
#include <vector>

namespace vgpu {

// Whether Mesa's virpipe driver takes the path of its server's socket from VTEST_SOCKET_NAME. Older
// ones (Debian 12's 22.3) know one fixed path only. Looks for the name in the driver's file, in
// LIBGL_DRIVERS_PATH and the system's library folders; false where there is none.
bool MesaTakesSocketName();

// The same for a given driver file.
bool DriverTakesSocketName(const std::filesystem::path& driver);

}  // namespace vgpu
