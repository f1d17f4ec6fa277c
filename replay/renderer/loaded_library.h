// Which file a shared library was really loaded from: a header tells only what a program was built
// with.
#pragma once

#include <string>
#include <string_view>

namespace vgpu {

// "libvirglrenderer.so.1.7.7, build c4ce3867bc5d" of the first library of this process whose file's
// name begins with `prefix`: its name behind all links, and the first bytes of its GNU build id,
// where it has one. Empty: there is no such library.
std::string LoadedLibrary(std::string_view prefix);

}  // namespace vgpu
