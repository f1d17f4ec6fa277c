// A command line as a person types it again.
#pragma once

#include <CLI/CLI.hpp>
#include <initializer_list>
#include <string>
#include <string_view>

namespace vgpu::cli {

// As a shell reads it back as one word: quoted where it has to be.
std::string ShellQuoted(std::string_view word);

// "vgpu-replay verify trace.vgpu --golden 'my set'": what was given to a verb, but for the options
// named in `without`. After parsing.
std::string CommandLineOf(const CLI::App& verb, std::initializer_list<std::string_view> without);

}  // namespace vgpu::cli
