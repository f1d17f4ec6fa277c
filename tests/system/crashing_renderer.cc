// Preloaded, a renderer that dies in the tenth stream of commands that it gets.
#include <csignal>

extern "C" __attribute__((visibility("default"))) int virgl_renderer_submit_cmd(void*, int, int) {
  static int calls = 0;
  if (++calls == 10) std::raise(SIGSEGV);
  return 0;
}
