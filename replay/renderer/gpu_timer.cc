#include "replay/renderer/gpu_timer.h"

#include <epoxy/egl.h>
#include <epoxy/gl.h>
#include <fmt/format.h>

#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace vgpu {

namespace {

// A query is a few hundred bytes of a driver; a frame has some thousands.
constexpr size_t kMaxWaiting = 1 << 18;

constexpr bool kBegin = false, kEnd = true;

}  // namespace

struct GpuTimer::Impl {
  struct Waiting {
    GLuint query = 0;
    uint64_t pair = 0;  // counted from the first
    bool side = kBegin;
  };

  // The queries of one GL context.
  struct Home {
    std::deque<Waiting> waiting;  // in the order of the command stream
    std::vector<GLuint> free;
  };

  struct Pair {
    uint64_t tag = 0;
    std::optional<uint64_t> stamps[2];
    bool lost = false;
    bool ended = false;
    bool IsDone() const { return ended && (lost || (stamps[kBegin] && stamps[kEnd])); }
  };

  OnResult on_result;
  bool disjoint = false;  // the driver may say that its clock jumped
  std::map<EGLContext, Home> homes;
  std::deque<Pair> pairs;
  uint64_t first_pair = 0;  // the number of pairs' first
  bool begun = false;
  EGLContext begun_in = EGL_NO_CONTEXT;
  uint64_t lost = 0;

  void Stamp(bool side);
  void Take(Home& home, bool wait);
  void TakeOne(const Waiting& waiting, bool valid);
  void Deliver();
  void Lose(Home& home);
  void TakeDone(Home& home) { Take(home, false); }
  void Empty(Home& home);
  void InEachContext(void (Impl::*visit)(Home&));
};

void GpuTimer::Impl::Stamp(bool side) {
  const EGLContext context = eglGetCurrentContext();
  Pair& pair = pairs.back();
  if (context == EGL_NO_CONTEXT || pair.lost) {
    pair.lost = true;
    return;
  }
  Home& home = homes[context];
  if (home.free.empty()) {
    home.free.resize(64);
    glGenQueries(static_cast<GLsizei>(home.free.size()), home.free.data());
  }
  const GLuint query = home.free.back();
  home.free.pop_back();
  glQueryCounter(query, GL_TIMESTAMP);
  home.waiting.push_back({query, first_pair + pairs.size() - 1, side});
}

// `valid`: the GPU's clock did not jump.
void GpuTimer::Impl::TakeOne(const Waiting& waiting, bool valid) {
  GLuint64 stamp = 0;
  glGetQueryObjectui64v(waiting.query, GL_QUERY_RESULT, &stamp);
  if (waiting.pair < first_pair) return;
  Pair& pair = pairs[waiting.pair - first_pair];
  if (valid) {
    pair.stamps[waiting.side] = stamp;
  } else {
    pair.lost = true;
  }
}

void GpuTimer::Impl::Take(Home& home, bool wait) {
  GLint jumped = GL_FALSE;
  if (disjoint) glGetIntegerv(GL_GPU_DISJOINT_EXT, &jumped);
  while (!home.waiting.empty()) {
    const Waiting& waiting = home.waiting.front();
    GLuint available = GL_TRUE;
    if (!wait) glGetQueryObjectuiv(waiting.query, GL_QUERY_RESULT_AVAILABLE, &available);
    if (available == GL_FALSE) return;
    TakeOne(waiting, jumped == GL_FALSE);
    home.free.push_back(waiting.query);
    home.waiting.pop_front();
  }
}

void GpuTimer::Impl::Lose(Home& home) {
  for (const Waiting& waiting : home.waiting) {
    if (waiting.pair >= first_pair) pairs[waiting.pair - first_pair].lost = true;
  }
  home.waiting.clear();
}

void GpuTimer::Impl::Deliver() {
  while (!pairs.empty() && pairs.front().IsDone()) {
    const Pair pair = pairs.front();
    pairs.pop_front();
    ++first_pair;
    if (pair.lost) ++lost;
    if (!pair.lost) on_result(pair.tag, *pair.stamps[kBegin], *pair.stamps[kEnd]);
  }
}

void GpuTimer::Impl::Empty(Home& home) {
  Take(home, true);
  glDeleteQueries(static_cast<GLsizei>(home.free.size()), home.free.data());
}

void GpuTimer::Impl::InEachContext(void (Impl::*visit)(Home&)) {
  const EGLContext current = eglGetCurrentContext();
  const EGLDisplay display = eglGetCurrentDisplay();
  const EGLSurface draw = eglGetCurrentSurface(EGL_DRAW), read = eglGetCurrentSurface(EGL_READ);
  if (display == EGL_NO_DISPLAY) return;
  for (auto& [context, home] : homes) {
    const bool here = context == eglGetCurrentContext() ||
                      eglMakeCurrent(display, draw, read, context) == EGL_TRUE;
    here ? (this->*visit)(home) : Lose(home);
  }
  if (eglGetCurrentContext() != current) eglMakeCurrent(display, draw, read, current);
  Deliver();
}

GpuTimer::GpuTimer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
// The queries go with their GL contexts.
GpuTimer::~GpuTimer() = default;

Result<std::unique_ptr<GpuTimer>> GpuTimer::Create(OnResult on_result) {
  if (!epoxy_has_egl() || eglGetCurrentContext() == EGL_NO_CONTEXT) {
    return MakeError(ErrorCode::kUnavailable,
                     "the GPU's time is not taken: no GL context is current");
  }
  const bool on_desktop = epoxy_is_desktop_gl();
  const bool has = on_desktop
                       ? epoxy_gl_version() >= 33 || epoxy_has_gl_extension("GL_ARB_timer_query")
                       : epoxy_has_gl_extension("GL_EXT_disjoint_timer_query");
  if (!has) {
    return MakeError(
        ErrorCode::kUnavailable,
        fmt::format("the GPU's time is not taken: the GL driver has no {}",
                    on_desktop ? "GL_ARB_timer_query" : "GL_EXT_disjoint_timer_query"));
  }
  GLint bits = 0;
  glGetQueryiv(GL_TIMESTAMP, GL_QUERY_COUNTER_BITS, &bits);
  if (bits == 0) {
    return MakeError(ErrorCode::kUnavailable,
                     "the GPU's time is not taken: the GL driver's time stamps have 0 bits");
  }
  auto impl = std::make_unique<Impl>();
  impl->on_result = std::move(on_result);
  impl->disjoint = !on_desktop;
  return std::unique_ptr<GpuTimer>(new GpuTimer(std::move(impl)));
}

void GpuTimer::Begin() {
  impl_->begun = impl_->pairs.size() < kMaxWaiting;
  if (!impl_->begun) return;
  impl_->pairs.emplace_back();
  impl_->begun_in = eglGetCurrentContext();
  impl_->Stamp(kBegin);
}

void GpuTimer::End(uint64_t tag) {
  if (!impl_->begun) {
    ++impl_->lost;
    return;
  }
  impl_->begun = false;
  impl_->Stamp(kEnd);
  // The switch has sent the other context's commands to the GPU, and these would stay here until
  // there are more of them, or something waits: this time stamp must not.
  if (eglGetCurrentContext() != impl_->begun_in) glFlush();
  impl_->pairs.back().tag = tag;
  impl_->pairs.back().ended = true;
}

void GpuTimer::Collect() { impl_->InEachContext(&Impl::TakeDone); }

void GpuTimer::CollectAll() {
  impl_->InEachContext(&Impl::Empty);
  impl_->homes.clear();
}

size_t GpuTimer::waiting() const { return impl_->pairs.size(); }

uint64_t GpuTimer::lost() const { return impl_->lost; }

uint64_t GpuTimer::GpuNow() const {
  GLint64 now = 0;
  glGetInteger64v(GL_TIMESTAMP, &now);
  return static_cast<uint64_t>(now);
}

}  // namespace vgpu
