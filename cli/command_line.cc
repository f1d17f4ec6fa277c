#include "cli/command_line.h"

#include <algorithm>

namespace vgpu::cli {

namespace {

constexpr std::string_view kPlain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,=+@%";

}  // namespace

std::string ShellQuoted(std::string_view word) {
  if (!word.empty() && word.find_first_not_of(kPlain) == word.npos) return std::string(word);
  std::string quoted = "'";
  for (const char letter : word) {
    if (letter == '\'') {
      quoted += "'\\''";
    } else {
      quoted += letter;
    }
  }
  return quoted + "'";
}

std::string CommandLineOf(const CLI::App& verb, std::initializer_list<std::string_view> without) {
  const std::string program = verb.get_parent() != nullptr ? verb.get_parent()->get_name() : "";
  std::string line = program.empty() ? verb.get_name() : program + " " + verb.get_name();
  std::string words;
  for (const CLI::Option* option : verb.get_options()) {
    if (option->count() == 0) continue;
    if (option->get_positional()) {
      for (const std::string& value : option->results()) line += " " + ShellQuoted(value);
      continue;
    }
    const std::string name = option->get_name();
    if (std::ranges::find(without, name) != without.end()) continue;
    if (option->get_items_expected_max() == 0) {
      words += " " + name;
      continue;
    }
    for (const std::string& value : option->results())
      words += " " + name + " " + ShellQuoted(value);
  }
  return line + words;
}

}  // namespace vgpu::cli
