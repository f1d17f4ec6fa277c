#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <vector>

#include "cli/output.h"
#include "cli/verb.h"
#include "format/protocol/escape.h"

namespace vgpu::cli {

namespace {

std::string& ProgramName() {
  static std::string name = "vgpu";
  return name;
}

int WrongUsage(const std::string& message) {
  return Fail(Error{ErrorCode::kUsage, message});
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// The first word of a verb's arguments that looks like an option and is none; CLI11 often reports
// what follows it.
std::optional<std::string> FindUnknownOption(const CLI::App& command, int argc, char** argv) {
  for (int i = 2; i < argc && argv[i] != std::string_view("--"); ++i) {
    std::string word = argv[i];
    if (word.size() < 2 || word[0] != '-') continue;
    word = word[1] == '-' ? word.substr(0, word.find('=')) : word.substr(0, 2);
    if (command.get_option_no_throw(word) == nullptr) return word;
  }
  return std::nullopt;
}

std::string DescribeVerbError(const CLI::App& command, const CLI::ParseError& error, int argc, char** argv) {
  const CLI::App* verb = &command;
  std::string name = command.get_name();
  for (auto given = verb->get_subcommands(); !given.empty(); given = verb->get_subcommands()) {
    verb = given.front();
    name += " " + verb->get_name();
  }
  const bool unexpected = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  if (const auto option = FindUnknownOption(*verb, argc, argv); unexpected && option) {
    return fmt::format("{}: there is no option {}", name, *option);
  }
  return fmt::format("{}: {}", name, error.what());
}

// CLI11 reports an unknown verb as an unexpected argument; name it as what it is.
std::string DescribeParseError(const Program& program, const CLI::App& app, const CLI::ParseError& error, int argc,
                               char** argv) {
  std::string names;
  for (const Verb& verb : program.verbs) {
    if (argc > 1 && verb.name == std::string_view(argv[1])) {
      return DescribeVerbError(*app.get_subcommand(verb.name), error, argc, argv);
    }
    names += fmt::format("{}{}", names.empty() ? "" : ", ", verb.name);
  }
  if (argc < 2) return fmt::format("a verb is missing; the verbs are {}", names);
  if (argv[1][0] != '-') return fmt::format("'{}' is not a verb; the verbs are {}", argv[1], names);
  return fmt::format("there is no option {}", argv[1]);
}

// Whoever read stdout has closed it: `| head` has read enough, which is an end like any other.
bool IsStdoutLeft() {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

// `code`, or that what was printed did not arrive.
int CheckOutput(int code) {
  errno = 0;
  const bool failed = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  if (!failed || IsStdoutLeft()) return code;
  const std::string why = errno == 0 ? "" : fmt::format(": {}", std::strerror(errno));
  const int exit_code = Fail(Error{ErrorCode::kFailed, "cannot write to stdout" + why});
  return code == kExitSuccess || code == kExitDifference ? exit_code : code;
}

}  // namespace

int ExitCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage: return kExitUsage;
    case ErrorCode::kUnreadable: return kExitUnreadable;
    case ErrorCode::kFailed: return kExitFailed;
    case ErrorCode::kUnavailable: return kExitUnavailable;
  }
  return kExitFailed;
}

int Fail(const Error& error) {
  // Some messages end with what another program said, in lines of its own.
  std::string text;
  for (std::string_view rest = error.message; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    text += EscapeForTerminal(rest.substr(0, end)) + "\n";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  PrintError("{}: {}", ProgramName(), text);
  return ExitCodeOf(error.code);
}

// A shell variable that holds nothing is no value: not even that of an option that may be absent.
void RefuseEmptyValues(CLI::App& command) {
  const CLI::Validator not_empty(
      [](std::string& text) { return text.empty() ? std::string("has no value") : std::string(); },
      "");
  for (CLI::Option* option : command.get_options()) {
    if (option->get_items_expected_max() == 1) option->check(not_empty);
  }
  for (CLI::App* below : command.get_subcommands({})) RefuseEmptyValues(*below);
}

int RunProgram(const Program& program, int argc, char** argv) {
  ProgramName() = program.name;
  CLI::App app(program.summary, program.name);
  app.require_subcommand(1);
  app.set_version_flag("--version", fmt::format("{} {}", program.name, VGPU_VERSION));
  std::vector<std::pair<CLI::App*, std::function<int()>>> runs;
  for (const Verb& verb : program.verbs) {
    CLI::App* command = app.add_subcommand(verb.name, verb.summary);
    runs.emplace_back(command, verb.add(*command));
    RefuseEmptyValues(*command);
  }
  try {
    app.parse(argc, argv);
    for (const auto& [command, run] : runs) {
      if (command->parsed()) return CheckOutput(run());
    }
  } catch (const CLI::Success& success) {  // --help, --version
    return CheckOutput(app.exit(success));
  } catch (const CLI::ParseError& error) {
    return WrongUsage(DescribeParseError(program, app, error, argc, argv));
  } catch (const std::exception& error) {
    return Fail(Error{ErrorCode::kFailed, error.what()});
  }
  return kExitSuccess;
}

CLI::Validator UnsignedNumber() {
  return CLI::Validator(
      [](std::string& text) {
        const auto value = ParseNumber(text);
        if (!value) return fmt::format("{} is no whole number from 0 to {}", text, UINT64_MAX);
        text = fmt::format("{}", *value);  // CLI11 would read 010 as eight
        return std::string();
      },
      "");
}

Result<NumberRange> ParseRange(const std::string& option, const std::string& text) {
  auto wrong = [&](const char* why) {
    return MakeError(ErrorCode::kUsage, fmt::format("{} {}: {}", option, text, why));
  };
  const size_t dash = text.find('-');
  const auto first = ParseNumber(std::string_view(text).substr(0, dash));
  if (!first) return wrong("a range is A, A-B or A-, counted from 0");
  if (dash == std::string::npos) return NumberRange{*first, *first};
  if (dash + 1 == text.size()) return NumberRange{*first, UINT64_MAX};
  const auto last = ParseNumber(std::string_view(text).substr(dash + 1));
  if (!last) return wrong("a range is A, A-B or A-, counted from 0");
  if (*last < *first) return wrong("the range ends before it begins");
  return NumberRange{*first, *last};
}

Result<uint64_t> ParseSize(const std::string& option, const std::string& text) {
  uint64_t scale = 1;
  std::string_view digits = text;
  if (!digits.empty()) {
    switch (digits.back()) {
      case 'K': case 'k': scale = 1ull << 10; break;
      case 'M': case 'm': scale = 1ull << 20; break;
      case 'G': case 'g': scale = 1ull << 30; break;
      default: break;
    }
    if (scale != 1) digits.remove_suffix(1);
  }
  const auto value = ParseNumber(digits);
  if (!value || *value > UINT64_MAX / scale) {
    return MakeError(ErrorCode::kUsage,
                     fmt::format("{} {}: a size is a number with K, M or G behind it, or none", option, text));
  }
  return *value * scale;
}

}  // namespace vgpu::cli
