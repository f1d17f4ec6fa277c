#include "replay/renderer/gl_probe.h"

#include <epoxy/egl.h>
#include <epoxy/gl.h>
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace vgpu {

namespace {

// The first with uniform buffers, which virglrenderer cannot do without.
constexpr EGLint kMajor = 3, kMinor = 1;

tl::unexpected<Error> Missing(std::string what) {
  return MakeError(ErrorCode::kUnavailable, std::move(what));
}

bool HasWord(const char* words, std::string_view word) {
  return words != nullptr &&
         fmt::format(" {} ", words).find(fmt::format(" {} ", word)) != std::string::npos;
}

Status MakeContextOnce(EGLDisplay display) {
  constexpr EGLint kConfig[] = {EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE,
                                EGL_OPENGL_BIT, EGL_NONE};
  constexpr EGLint kContext[] = {EGL_CONTEXT_MAJOR_VERSION_KHR, kMajor,
                                 EGL_CONTEXT_MINOR_VERSION_KHR, kMinor, EGL_NONE};
  if (!HasWord(eglQueryString(display, EGL_EXTENSIONS), "EGL_KHR_surfaceless_context")) {
    return Missing(
        "EGL makes no contexts without a surface: EGL_KHR_surfaceless_context is not "
        "among its extensions");
  }
  EGLConfig config = nullptr;
  EGLint configs = 0;
  if (!eglBindAPI(EGL_OPENGL_API) || !eglChooseConfig(display, kConfig, &config, 1, &configs) ||
      configs < 1) {
    return Missing("EGL has no configuration for OpenGL without a window");
  }
  const EGLContext context = eglCreateContext(display, config, EGL_NO_CONTEXT, kContext);
  if (context == EGL_NO_CONTEXT) {
    return Missing(fmt::format("EGL makes no context of OpenGL {}.{}: error {:#x}", kMajor, kMinor,
                               eglGetError()));
  }
  eglDestroyContext(display, context);
  return {};
}

std::string Get(GLenum name) {
  const GLubyte* text = glGetString(name);
  return text == nullptr ? std::string() : reinterpret_cast<const char*>(text);
}

}  // namespace

Status ProbeSurfacelessGl() {
  // libepoxy ends the process where it is asked for EGL and there is no library.
  if (!epoxy_has_egl()) return Missing("there is no EGL library (libEGL.so.1)");
  if (!HasWord(eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS), "EGL_MESA_platform_surfaceless")) {
    return Missing(
        "EGL has no surfaceless platform: EGL_MESA_platform_surfaceless is not among "
        "its client extensions");
  }
  const EGLDisplay display =
      eglGetPlatformDisplayEXT(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, nullptr);
  if (display == EGL_NO_DISPLAY || !eglInitialize(display, nullptr, nullptr)) {
    return Missing(
        fmt::format("EGL does not start on its surfaceless platform: error {:#x}", eglGetError()));
  }
  const Status made = MakeContextOnce(display);
  // Else it stays started: whoever makes a context next has the same display.
  if (!made) eglTerminate(display);
  return made;
}

GlStrings CurrentGlStrings() {
  if (eglGetCurrentContext() == EGL_NO_CONTEXT) return {};
  return {Get(GL_VENDOR), Get(GL_RENDERER), Get(GL_VERSION)};
}

bool DrawsOnProcessor(std::string_view gl_renderer) {
  constexpr std::string_view kDrivers[] = {"llvmpipe", "softpipe", "Software Rasterizer", "SWR",
                                           "SwiftShader"};
  return std::ranges::any_of(kDrivers, [&](std::string_view driver) {
    return gl_renderer.find(driver) != std::string_view::npos;
  });
}

void FlushGl() { glFlush(); }

void FinishGl() {
  if (eglGetCurrentContext() != EGL_NO_CONTEXT) glFinish();
}

}  // namespace vgpu
