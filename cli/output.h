// What the programs print. Output that cannot be written is not the moment's problem: a recording
// must not end because nobody reads its messages. RunProgram looks at stdout when a verb has ended.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <utility>

namespace vgpu::cli {

template <typename... Arguments>
void PrintTo(std::FILE* file, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  const std::string text = fmt::format(format, std::forward<Arguments>(arguments)...);
  (void)std::fwrite(text.data(), 1, text.size(), file);
}

template <typename... Arguments>
void Print(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  PrintTo(stdout, format, std::forward<Arguments>(arguments)...);
}

template <typename... Arguments>
void PrintError(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  PrintTo(stderr, format, std::forward<Arguments>(arguments)...);
}

}  // namespace vgpu::cli
