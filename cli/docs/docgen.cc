// Prints a program's man page or its bash completion, made from the same table of verbs as the
// program itself. Run by the build.
#include <fmt/format.h>

#include <cctype>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "cli/verb.h"

namespace vgpu::cli {
namespace {

// A verb's parsed-out options; `run` owns what they are bound to.
struct BuiltVerb {
  const Verb* verb;
  std::unique_ptr<CLI::App> app;
  std::function<int()> run;
};

std::vector<BuiltVerb> Build(const Program& program) {
  std::vector<BuiltVerb> out;
  for (const Verb& verb : program.verbs) {
    auto app = std::make_unique<CLI::App>(verb.summary, verb.name);
    auto run = verb.add(*app);
    out.push_back({&verb, std::move(app), std::move(run)});
  }
  return out;
}

// roff: a backslash, a hyphen and a leading dot or quote mean something.
std::string Roff(std::string_view text) {
  std::string out;
  for (char c : text) {
    if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string Upper(std::string_view text) {
  std::string out;
  for (char c : text) out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::string OptionLabel(const CLI::Option& option) {
  if (option.nonpositional()) {
    std::string label = option.get_name(false, true);
    const size_t comma = label.find(',');
    if (comma != std::string::npos) label.replace(comma, 1, ", ");
    if (option.get_type_size() != 0) label += fmt::format(" {}", option.get_type_name());
    return label;
  }
  return option.get_name(true);
}

void PrintManOptions(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    fmt::print(".TP\n\\fB{}\\fR\n{}", Roff(OptionLabel(*option)), Roff(option->get_description()));
    if (!option->get_default_str().empty()) {
      fmt::print(" (default {})", Roff(option->get_default_str()));
    }
    fmt::print("\n");
  }
}

void PrintMan(const Program& program) {
  const auto verbs = Build(program);
  fmt::print(".TH {} 1 \"\" \"vgpu {}\" \"User Commands\"\n", Upper(program.name), VGPU_VERSION);
  fmt::print(".SH NAME\n{} \\- {}\n", Roff(program.name), Roff(program.summary));
  fmt::print(".SH SYNOPSIS\n");
  for (const BuiltVerb& built : verbs) {
    std::string positionals;
    for (const CLI::Option* option : built.app->get_options()) {
      if (option->nonpositional()) continue;
      positionals += " " + option->get_name(true);
      if (option->get_items_expected_max() > 1) positionals += "...";
    }
    fmt::print(".B {} {}\n[\\fIOPTION\\fR]...{}\n.br\n", Roff(program.name), Roff(built.verb->name),
               Roff(Upper(positionals)));
  }
  for (const BuiltVerb& built : verbs) {
    fmt::print(".SH {}\n{}\n", Upper(built.verb->name), Roff(built.verb->summary));
    if (!built.app->get_footer().empty()) fmt::print(".PP\n{}\n", Roff(built.app->get_footer()));
    PrintManOptions(*built.app);
    for (const CLI::App* below : built.app->get_subcommands({})) {
      fmt::print(".SS {} {}\n{}\n", Roff(built.verb->name), Roff(below->get_name()),
                 Roff(below->get_description()));
      PrintManOptions(*below);
    }
  }
  fmt::print(
      ".SH EXIT STATUS\n0 success; 1 a comparison found a difference; 2 wrong usage; 3 the trace "
      "or "
      "golden set cannot be read; 4 the replay or the recorded program failed; 77 cannot run "
      "here.\n");
}

void PrintCompletion(const Program& program) {
  const auto verbs = Build(program);
  std::string function = program.name;
  for (char& c : function) c = c == '-' ? '_' : c;
  std::string names;
  for (const BuiltVerb& built : verbs)
    names += fmt::format("{}{}", names.empty() ? "" : " ", built.verb->name);
  fmt::print(
      "_{}() {{\n  local word=${{COMP_WORDS[COMP_CWORD]}} verb=${{COMP_WORDS[1]}} options=\n",
      function);
  fmt::print(
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    COMPREPLY=($(compgen -W '{} --help --version' -- "
      "\"$word\"))\n    return\n  fi\n",
      names);
  fmt::print("  case $verb in\n");
  for (const BuiltVerb& built : verbs) {
    std::string options;
    for (const CLI::Option* option : built.app->get_options()) {
      for (const std::string& name : option->get_lnames()) options += fmt::format(" --{}", name);
      for (const std::string& name : option->get_snames()) options += fmt::format(" -{}", name);
    }
    fmt::print("    {}) options='{}' ;;\n", built.verb->name, options);
  }
  fmt::print(
      "  esac\n  case $word in\n    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
      "    *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n  esac\n}}\n");
  fmt::print("complete -o filenames -F _{} {}\n", function, program.name);
}

}  // namespace
}  // namespace vgpu::cli

int main(int argc, char** argv) {
  using namespace vgpu::cli;
  if (argc == 3) {
    for (const Program* program : {&CaptureProgram(), &ReplayProgram()}) {
      if (argv[2] != std::string_view(program->name)) continue;
      if (argv[1] == std::string_view("man")) return PrintMan(*program), kExitSuccess;
      if (argv[1] == std::string_view("bash")) return PrintCompletion(*program), kExitSuccess;
    }
  }
  fmt::print(stderr, "vgpu-docgen: usage: vgpu-docgen man|bash vgpu-capture|vgpu-replay\n");
  return kExitUsage;
}
