#include "replay/renderer/gl_strings.h"

#include <epoxy/egl.h>
#include <epoxy/gl.h>

namespace vgpu {

namespace {

std::string Get(GLenum name) {
  const GLubyte* text = glGetString(name);
  return text == nullptr ? std::string() : reinterpret_cast<const char*>(text);
}

}  // namespace

GlStrings CurrentGlStrings() {
  if (eglGetCurrentContext() == EGL_NO_CONTEXT) return {};
  return {Get(GL_VENDOR), Get(GL_RENDERER), Get(GL_VERSION)};
}

bool HasEgl() { return epoxy_has_egl(); }

}  // namespace vgpu
