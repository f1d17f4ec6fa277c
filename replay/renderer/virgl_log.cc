#include "replay/renderer/virgl_log.h"

extern "C" {  // the header does not say so itself
#include <virglrenderer.h>
}

#include <cstdarg>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace vgpu {

namespace {

// The library's callback of 0.10 carries no pointer of ours.
LogCallback& Target() {
  static LogCallback target;
  return target;
}

void Forward(std::string message) {
  while (!message.empty() && message.back() == '\n') message.pop_back();
  if (!message.empty() && Target()) Target()(message);
}

#ifdef VGPU_HAVE_VIRGL_LOG_CALLBACK

void OnMessage(virgl_log_level_flags level, const char* message, void*) {
  if (level >= VIRGL_LOG_LEVEL_WARNING) Forward(message);
}

void Install() { virgl_set_log_callback(OnMessage, nullptr, nullptr); }
void Remove() { virgl_set_log_callback(nullptr, nullptr, nullptr); }

#else

virgl_debug_callback_type g_before = nullptr;

// This library tells no levels. These say what it found, once for each context.
bool IsInformation(std::string_view message) {
  return message.starts_with("gl_version ") || message.starts_with("GLSL feature level ");
}

void OnMessage(const char* format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  const int size = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (size <= 0) return;
  std::string message(static_cast<std::size_t>(size), '\0');
  std::vsnprintf(message.data(), message.size() + 1, format, arguments);
  if (!IsInformation(message)) Forward(std::move(message));
}

void Install() { g_before = virgl_set_debug_callback(OnMessage); }
void Remove() { virgl_set_debug_callback(g_before); }

#endif

}  // namespace

VirglLog::VirglLog(LogCallback log) {
  Target() = std::move(log);
  if (Target()) Install();
}

VirglLog::~VirglLog() {
  if (!Target()) return;
  Remove();
  Target() = nullptr;
}

}  // namespace vgpu
