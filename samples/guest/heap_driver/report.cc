#include "report.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace {

void Write(const char* format, va_list arguments) {
  std::printf("heap_driver: ");
  std::vprintf(format, arguments);
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

void Say(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  Write(format, arguments);
  va_end(arguments);
}

void Fail(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  Write(format, arguments);
  va_end(arguments);
  std::exit(1);
}
