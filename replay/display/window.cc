#include "replay/display/window.h"

#include <epoxy/gl.h>
// After epoxy, which brings its own GL declarations.
#include <GLFW/glfw3.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

namespace vgpu {

namespace {

constexpr int kMaxWindowWidth = 1600, kMaxWindowHeight = 1000;
constexpr auto kFrameWait = std::chrono::milliseconds(15);

std::string LastGlfwError() {
  const char* description = nullptr;
  glfwGetError(&description);
  return description != nullptr ? description : "no reason given";
}

// One scanout's picture in GL: a texture, readable through a framebuffer.
struct Surface {
  GLuint texture = 0, framebuffer = 0;
  int width = 0, height = 0;
};

void Upload(Surface& surface, const Image& image) {
  if (surface.texture == 0) {
    glGenTextures(1, &surface.texture);
    glGenFramebuffers(1, &surface.framebuffer);
  }
  surface.width = static_cast<int>(image.width);
  surface.height = static_cast<int>(image.height);
  glBindTexture(GL_TEXTURE_2D, surface.texture);
  glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, surface.width, surface.height, 0, GL_RGBA,
               GL_UNSIGNED_BYTE, image.rgba.data());
  glBindFramebuffer(GL_READ_FRAMEBUFFER, surface.framebuffer);
  glFramebufferTexture2D(GL_READ_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, surface.texture,
                         0);
}

}  // namespace

struct Window::Impl {
  GLFWwindow* window = nullptr;
  PlaybackControl* control = nullptr;
  std::map<uint32_t, Surface> surfaces;

  ~Impl() {
    if (window != nullptr) glfwDestroyWindow(window);
    glfwTerminate();
  }

  int TotalWidth() const {
    int width = 0;
    for (const auto& [scanout, surface] : surfaces) width += surface.width;
    return width;
  }
  int TotalHeight() const {
    int height = 0;
    for (const auto& [scanout, surface] : surfaces) height = std::max(height, surface.height);
    return height;
  }

  void Show(const std::map<uint32_t, Image>& pictures);
  void Draw();
  static void OnKey(GLFWwindow* window, int key, int scancode, int action, int modifiers);
};

void Window::Impl::Show(const std::map<uint32_t, Image>& pictures) {
  const int old_width = TotalWidth(), old_height = TotalHeight();
  for (const auto& [scanout, image] : pictures) Upload(surfaces[scanout], image);
  const int width = TotalWidth(), height = TotalHeight();
  if (width == old_width && height == old_height) return;
  glfwSetWindowSize(window, std::min(width, kMaxWindowWidth), std::min(height, kMaxWindowHeight));
}

// Scanouts from left to right, scaled as one to fit the window.
void Window::Impl::Draw() {
  int width = 0, height = 0;
  glfwGetFramebufferSize(window, &width, &height);
  glBindFramebuffer(GL_DRAW_FRAMEBUFFER, 0);
  glViewport(0, 0, width, height);
  glClearColor(0, 0, 0, 1);
  glClear(GL_COLOR_BUFFER_BIT);
  if (TotalWidth() != 0 && TotalHeight() != 0) {
    const double scale = std::min(double(width) / TotalWidth(), double(height) / TotalHeight());
    double x = 0;
    for (const auto& [scanout, surface] : surfaces) {
      glBindFramebuffer(GL_READ_FRAMEBUFFER, surface.framebuffer);
      const double right = x + surface.width * scale;
      // A picture's rows go down, GL's go up.
      glBlitFramebuffer(0, 0, surface.width, surface.height, int(x), height, int(right),
                        height - int(surface.height * scale), GL_COLOR_BUFFER_BIT,
                        scale == 1 ? GL_NEAREST : GL_LINEAR);
      x = right;
    }
  }
  glfwSwapBuffers(window);
}

void Window::Impl::OnKey(GLFWwindow* window, int key, int, int action, int) {
  auto* impl = static_cast<Impl*>(glfwGetWindowUserPointer(window));
  if (action == GLFW_RELEASE || impl->control == nullptr) return;
  switch (key) {
    case GLFW_KEY_SPACE:
      if (action == GLFW_PRESS) impl->control->TogglePause();
      break;
    case GLFW_KEY_RIGHT:
      impl->control->Step();
      break;
    case GLFW_KEY_ESCAPE:
      glfwSetWindowShouldClose(window, GLFW_TRUE);
      break;
    default:
      break;
  }
}

Result<std::unique_ptr<Window>> Window::Open(const std::string& title) {
  glfwSetErrorCallback(nullptr);
  if (!glfwInit()) {
    return MakeError(ErrorCode::kUnavailable,
                     fmt::format("no window can be opened: {}", LastGlfwError()));
  }
  auto impl = std::make_unique<Impl>();
  // EGL, as the renderer: GLX and EGL in one process would give two sets of GL entry points.
  glfwWindowHint(GLFW_CONTEXT_CREATION_API, GLFW_EGL_CONTEXT_API);
  glfwWindowHint(GLFW_CONTEXT_VERSION_MAJOR, 3);
  glfwWindowHint(GLFW_CONTEXT_VERSION_MINOR, 0);
  impl->window = glfwCreateWindow(640, 480, title.c_str(), nullptr, nullptr);
  if (impl->window == nullptr) {
    return MakeError(ErrorCode::kUnavailable,
                     fmt::format("no window can be opened: {}", LastGlfwError()));
  }
  glfwMakeContextCurrent(impl->window);
  // The replay keeps the pace; waiting for the display here would only delay the keys.
  glfwSwapInterval(0);
  glfwSetWindowUserPointer(impl->window, impl.get());
  glfwSetKeyCallback(impl->window, Impl::OnKey);
  return std::unique_ptr<Window>(new Window(std::move(impl)));
}

Window::Window(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Window::~Window() = default;

void Window::Run(PlaybackControl& control) {
  impl_->control = &control;
  // The last picture may come with the end.
  for (bool last = false; !last;) {
    last = control.finished();
    glfwPollEvents();
    if (glfwWindowShouldClose(impl_->window)) control.Stop();
    const auto pictures = control.TakePictures(kFrameWait);
    if (!pictures.empty()) impl_->Show(pictures);
    impl_->Draw();
  }
  impl_->control = nullptr;
}

}  // namespace vgpu
