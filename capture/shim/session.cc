#include "capture/shim/session.h"

#include <dlfcn.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <climits>
#include <string>
#include <string_view>

#include "capture/shim/capsets.h"
#include "capture/ring/clock.h"
#include "capture/shim/real_library.h"

namespace vgpu::shim {

namespace {

constexpr unsigned kGlVendor = 0x1F00;
constexpr unsigned kGlRenderer = 0x1F01;
constexpr unsigned kGlVersion = 0x1F02;

using GetString = const unsigned char* (*)(unsigned name);

// glGetString of a GL library that the process already has; nullptr where there is none.
GetString FindGetString() {
  for (const char* name : {"libOpenGL.so.0", "libGL.so.1", "libGLESv2.so.2"}) {
    void* library = dlopen(name, RTLD_NOW | RTLD_NOLOAD);
    if (library == nullptr) continue;
    auto* function = reinterpret_cast<GetString>(dlsym(library, "glGetString"));
    // Without a context it answers nothing: then another library may be the one in use.
    const bool answers = function != nullptr && function(kGlVersion) != nullptr;
    dlclose(library);
    if (answers) return function;
  }
  return nullptr;
}

std::string GlString(GetString get, unsigned name) {
  const unsigned char* text = get == nullptr ? nullptr : get(name);
  return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text));
}

std::string Host() {
  utsname name;
  if (uname(&name) != 0) return {};
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

// A guess from the program's name; whether it calls force_ctx_0 shows later.
uint32_t GuessSource() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  const std::string_view name(path, length > 0 ? static_cast<std::size_t>(length) : 0);
  const bool vtest = name.substr(name.rfind('/') + 1).starts_with("virgl_test_server");
  return vtest ? ring::kSourceShimVtest : ring::kSourceShimVmm;
}

}  // namespace

SessionFacts::SessionFacts(const InitArguments& arguments)
    : library_(real::LibraryPath()), host_(Host()) {
  record_.renderer_flags = static_cast<uint32_t>(arguments.flags);
  record_.callbacks_version = static_cast<uint32_t>(arguments.callbacks_version);
  record_.source = GuessSource();
  record_.wall_clock_ns = ClockNs(CLOCK_REALTIME);
  record_.time_ns = MonotonicNs();
  const GetString get = FindGetString();
  gl_vendor_ = GlString(get, kGlVendor);
  gl_renderer_ = GlString(get, kGlRenderer);
  gl_version_ = GlString(get, kGlVersion);
  for (uint32_t id : {kCapsetVirgl, kCapsetVirgl2}) {
    const CapsetSize size = SizeOfCapset(id);
    if (size.bytes == 0) continue;
    Capset& capset = capsets_.emplace_back(Capset{id, size.max_version, {}});
    capset.data.resize(size.bytes);
    real::virgl_renderer_fill_caps(id, size.max_version, capset.data.data());
  }
}

void SessionFacts::WriteTo(RecordStream& out) const {
  out.Session(record_, library_, host_);
  out.Gl(gl_vendor_, gl_renderer_, gl_version_);
  for (const Capset& capset : capsets_) out.Capset(capset.id, capset.version, capset.data);
}

}  // namespace vgpu::shim
