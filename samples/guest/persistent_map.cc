// Draws from a vertex buffer that stays mapped (GL_EXT_buffer_storage, persistent and coherent) and
// that is rewritten for each frame without any GL call, then reads pixels back and checks them.
// With host-visible blobs the guest's driver maps host memory for that; without them GL refuses, or
// copies. Needs EGL without a window system.
//
// Usage: persistent_map [FRAMES]. Exit status: 0; 1 where a pixel is wrong; 77 where this cannot run.
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES3/gl31.h>
#include <GLES2/gl2ext.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr int kSide = 64;
constexpr GLsizeiptr kBytes = 64 << 10;
constexpr GLbitfield kAccess =
    GL_MAP_WRITE_BIT | GL_MAP_PERSISTENT_BIT_EXT | GL_MAP_COHERENT_BIT_EXT;

int Fail(const char* what, int status) {
  std::printf("persistent_map: %s\n", what);
  return status;
}

bool MakeContext() {
  EGLDisplay display =
      eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, nullptr);
  if (display == EGL_NO_DISPLAY || !eglInitialize(display, nullptr, nullptr)) return false;
  eglBindAPI(EGL_OPENGL_ES_API);
  const EGLint attributes[] = {EGL_CONTEXT_MAJOR_VERSION, 3, EGL_CONTEXT_MINOR_VERSION, 1, EGL_NONE};
  EGLContext context =
      eglCreateContext(display, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT, attributes);
  return context != EGL_NO_CONTEXT &&
         eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context);
}

GLuint MakeShader(GLenum stage, const char* source) {
  const GLuint shader = glCreateShader(stage);
  glShaderSource(shader, 1, &source, nullptr);
  glCompileShader(shader);
  return shader;
}

void UseProgram() {
  const GLuint program = glCreateProgram();
  glAttachShader(program, MakeShader(GL_VERTEX_SHADER,
                                     "#version 310 es\n"
                                     "layout(location = 0) in vec4 place_and_shade;\n"
                                     "out vec2 shade;\n"
                                     "void main() {\n"
                                     "  gl_Position = vec4(place_and_shade.xy, 0.0, 1.0);\n"
                                     "  shade = place_and_shade.zw;\n"
                                     "}\n"));
  glAttachShader(program, MakeShader(GL_FRAGMENT_SHADER,
                                     "#version 310 es\n"
                                     "precision mediump float;\n"
                                     "in vec2 shade;\n"
                                     "out vec4 color;\n"
                                     "void main() { color = vec4(shade, 0.0, 1.0); }\n"));
  glLinkProgram(program);
  glUseProgram(program);
}

void UseFramebuffer() {
  GLuint texture = 0, framebuffer = 0;
  glGenTextures(1, &texture);
  glBindTexture(GL_TEXTURE_2D, texture);
  glTexStorage2D(GL_TEXTURE_2D, 1, GL_RGBA8, kSide, kSide);
  glGenFramebuffers(1, &framebuffer);
  glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
  glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, texture, 0);
  glViewport(0, 0, kSide, kSide);
}

float* MapVertices() {
  const auto storage =
      reinterpret_cast<PFNGLBUFFERSTORAGEEXTPROC>(eglGetProcAddress("glBufferStorageEXT"));
  if (storage == nullptr) return nullptr;
  GLuint buffer = 0;
  glGenBuffers(1, &buffer);
  glBindBuffer(GL_ARRAY_BUFFER, buffer);
  storage(GL_ARRAY_BUFFER, kBytes, nullptr, kAccess);
  void* map = glMapBufferRange(GL_ARRAY_BUFFER, 0, kBytes, kAccess);
  glEnableVertexAttribArray(0);
  glVertexAttribPointer(0, 4, GL_FLOAT, GL_FALSE, 4 * sizeof(float), nullptr);
  return static_cast<float*>(map);
}

// Covers everything in one shade, by writes into the mapping alone.
bool DrawAndCheck(float* map, int frame) {
  const float red = static_cast<float>(frame % 256) / 255.0f;
  const float green = static_cast<float>(frame * 7 % 256) / 255.0f;
  const float corners[][2] = {{-1, -1}, {3, -1}, {-1, 3}};
  for (int i = 0; i < 3; ++i) {
    const float vertex[] = {corners[i][0], corners[i][1], red, green};
    std::memcpy(map + 4 * i, vertex, sizeof(vertex));
  }
  glDrawArrays(GL_TRIANGLES, 0, 3);
  unsigned char pixel[4] = {};
  glReadPixels(kSide / 2, kSide / 2, 1, 1, GL_RGBA, GL_UNSIGNED_BYTE, pixel);
  return pixel[0] == frame % 256 && pixel[1] == frame * 7 % 256;
}

}  // namespace

int main(int argc, char** argv) {
  const int frames = argc > 1 ? std::atoi(argv[1]) : 60;
  if (!MakeContext()) return Fail("no GLES 3.1 without a window system here", 77);
  std::printf("persistent_map: renderer %s\n",
              reinterpret_cast<const char*>(glGetString(GL_RENDERER)));
  UseProgram();
  UseFramebuffer();
  float* map = MapVertices();
  if (map == nullptr) return Fail("no persistent mapping here", 77);
  for (int frame = 0; frame < frames; ++frame) {
    if (!DrawAndCheck(map, frame)) return Fail("a pixel does not show what was written", 1);
  }
  std::printf("persistent_map: %d frames are right\n", frames);
  return glGetError() == GL_NO_ERROR ? 0 : Fail("GL reports an error", 1);
}
