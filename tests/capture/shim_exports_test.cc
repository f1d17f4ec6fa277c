// What the built library shows to a program that it is preloaded into.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include <set>
#include <sstream>
#include <string>

namespace vgpu {
namespace {

std::string OutputOf(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  std::string out;
  char buffer[4096];
  std::size_t got = 0;
  while ((got = fread(buffer, 1, sizeof(buffer), pipe)) > 0) out.append(buffer, got);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return out;
}

// The names that a library defines for others.
std::set<std::string> SymbolsOf(const std::string& library) {
  std::istringstream lines(OutputOf("nm -D --defined-only --format=posix '" + library + "'"));
  std::set<std::string> out;
  for (std::string line; std::getline(lines, line);) {
    out.insert(line.substr(0, line.find_first_of(" @")));
  }
  return out;
}

TEST(ShimExportsTest, EveryFunctionOfTheInstalledLibraryIsThere) {
  const std::set<std::string> ours = SymbolsOf(SHIM_LIBRARY);
  int functions = 0;
  for (const std::string& name : SymbolsOf(VIRGL_LIBRARY)) {
    if (!name.starts_with("virgl_")) continue;
    ++functions;
    EXPECT_TRUE(ours.contains(name)) << name;
  }
  EXPECT_GE(functions, 41);
}

TEST(ShimExportsTest, NothingElseIsExported) {
  for (const std::string& name : SymbolsOf(SHIM_LIBRARY)) {
    EXPECT_TRUE(name.starts_with("virgl_")) << name;
  }
}

TEST(ShimExportsTest, FunctionsOfLaterLibrariesAreThere) {
  const std::set<std::string> ours = SymbolsOf(SHIM_LIBRARY);
  for (const char* name : {"virgl_renderer_submit_cmd2", "virgl_renderer_export_signalled_fence",
                           "virgl_renderer_resource_get_info_ext", "virgl_set_log_callback",
                           "virgl_renderer_attach_fence", "virgl_renderer_get_fence_fd",
                           "virgl_renderer_get_dev_fd", "virgl_renderer_resource_map_fixed"}) {
    EXPECT_TRUE(ours.contains(name)) << name;
  }
}

TEST(ShimExportsTest, ItNeedsTheCLibraryAndNothingElse) {
  std::istringstream lines(OutputOf("readelf -d '" SHIM_LIBRARY "' | grep NEEDED"));
  const std::set<std::string> allowed = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0",
                                         "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
                                         // in a build with the sanitizers
                                         "libasan.so.8", "libubsan.so.1", "libasan.so.6"};
  int needed = 0;
  for (std::string line; std::getline(lines, line); ++needed) {
    const std::size_t open = line.find('[');
    const std::string name = line.substr(open + 1, line.find(']') - open - 1);
    EXPECT_TRUE(allowed.contains(name)) << name;
  }
  EXPECT_GT(needed, 0);
}

}  // namespace
}  // namespace vgpu
