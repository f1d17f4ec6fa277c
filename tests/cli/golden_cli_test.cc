// Runs one golden case of a command line: input and expected output in one text file.
//
// Usage: golden_cli_test CASE.txt. With VGPU_UPDATE_GOLDENS=1 it rewrites the case with what was
// seen. A case is, line by line:
//
//   # a comment
//   file: NAME TEXT      makes a file with that text and a newline (without TEXT: an empty file)
//   bytes: NAME HEX      makes a file with these bytes
//   dir: NAME            makes a folder
//   copy: SOURCE NAME    copies a file; SOURCE is relative to the case's folder
//   env: NAME=VALUE      sets an environment variable for the command
//   cli11: VERSION       the texts are in the words of this version of CLI11: skipped with others
//   ignore: TEXT         output lines that hold this are left out
//   $ COMMAND            what sh runs, in a fresh folder with the lines above done; exactly one
//   exit: N              the expected exit code
//   files: A B           optional: all that lies in the folder afterwards, sorted; "-" for nothing
//   stdout:              the expected output, up to the next of these two lines; absent is empty
//   stderr:
//
// In output the fresh folder reads $DIR. `<*>` in an expected line stands for any text in the line.
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

struct Case {
  fs::path path;
  Lines head;  // everything up to and including the command, verbatim
  std::vector<std::pair<std::string, std::string>> steps;
  std::string command;
  Lines ignored;
  std::string cli11;
  bool checks_files = false;
};

constexpr int kSkipped = 77;

struct Outcome {
  int exit_code = 0;
  std::string files;
  Lines out;
  Lines err;
};

Lines ReadLines(const fs::path& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(fmt::format("{}: cannot be read", path.string()));
  Lines lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// "key: value" into both halves; the value is empty for "key:".
std::pair<std::string, std::string> SplitKey(const std::string& line) {
  const size_t colon = line.find(':');
  if (colon == std::string::npos) return {line, ""};
  return {line.substr(0, colon), line.size() > colon + 2 ? line.substr(colon + 2) : ""};
}

void ParseHeadLine(const std::string& line, Case& parsed) {
  parsed.head.push_back(line);
  if (line.empty() || line[0] == '#') return;
  if (line.starts_with("$ ")) {
    parsed.command = line.substr(2);
    return;
  }
  const auto [key, value] = SplitKey(line);
  if (key == "cli11") {
    parsed.cli11 = value;
  } else if (key == "ignore") {
    parsed.ignored.push_back(value);
  } else {
    parsed.steps.emplace_back(key, value);
  }
}

void ParseCase(const fs::path& path, Case& parsed, Outcome& expected) {
  parsed.path = path;
  Lines* section = nullptr;
  for (const std::string& line : ReadLines(path)) {
    if (parsed.command.empty()) {
      ParseHeadLine(line, parsed);
    } else if (line == "stdout:") {
      section = &expected.out;
    } else if (line == "stderr:") {
      section = &expected.err;
    } else if (section != nullptr) {
      section->push_back(line);
    } else if (const auto [key, value] = SplitKey(line); key == "exit") {
      expected.exit_code = std::stoi(value);
    } else if (key == "files") {
      parsed.checks_files = true;
      expected.files = value;
    } else {
      throw std::runtime_error(
          fmt::format("{}: '{}' is not a line of a case", path.string(), line));
    }
  }
  if (parsed.command.empty())
    throw std::runtime_error(fmt::format("{}: no '$ COMMAND'", path.string()));
}

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

void Prepare(const Case& parsed, const fs::path& folder) {
  for (const auto& [key, value] : parsed.steps) {
    const size_t space = value.find(' ');
    const std::string first = value.substr(0, space);
    const std::string rest = space == std::string::npos ? "" : value.substr(space + 1);
    if (key == "file") {
      std::ofstream(folder / first) << (rest.empty() ? "" : rest + "\n");
    } else if (key == "bytes") {
      std::ofstream(folder / first, std::ios::binary) << FromHex(rest);
    } else if (key == "dir") {
      fs::create_directories(folder / first);
    } else if (key == "copy") {
      fs::copy_file(parsed.path.parent_path() / first, folder / rest);
    } else if (key == "env") {
      const size_t equals = value.find('=');
      setenv(value.substr(0, equals).c_str(), value.substr(equals + 1).c_str(), 1);
    } else {
      throw std::runtime_error(fmt::format("{}: '{}' is not a step", parsed.path.string(), key));
    }
  }
}

std::string FilesIn(const fs::path& folder) {
  Lines names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : " ") + name;
  return list.empty() ? "-" : list;
}

Lines ReadOutput(const fs::path& path, const std::string& folder, const Lines& ignored) {
  Lines lines = ReadLines(path);
  for (const std::string& text : ignored) {
    std::erase_if(lines, [&](const std::string& line) { return line.find(text) != line.npos; });
  }
  for (std::string& line : lines) {
    for (size_t at; (at = line.find(folder)) != std::string::npos;)
      line.replace(at, folder.size(), "$DIR");
  }
  return lines;
}

Outcome Run(const Case& parsed) {
  std::string base = (fs::temp_directory_path() / "vgpu-golden-XXXXXX").string();
  if (mkdtemp(base.data()) == nullptr) throw std::runtime_error("no temporary folder");
  const fs::path root = base;
  const fs::path folder = root / "work";
  fs::create_directory(folder);
  Prepare(parsed, folder);
  std::ofstream(root / "command") << parsed.command << "\n";
  const std::string run =
      fmt::format("cd '{0}/work' && sh '{0}/command' >'{0}/out' 2>'{0}/err' </dev/null", base);
  const int status = std::system(run.c_str());
  Outcome seen;
  seen.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  seen.files = FilesIn(folder);
  seen.out = ReadOutput(root / "out", folder.string(), parsed.ignored);
  seen.err = ReadOutput(root / "err", folder.string(), parsed.ignored);
  fs::remove_all(root);
  return seen;
}

bool Matches(std::string_view pattern, std::string_view line) {
  const size_t star = pattern.find("<*>");
  if (star == std::string_view::npos) return pattern == line;
  if (!line.starts_with(pattern.substr(0, star))) return false;
  pattern.remove_prefix(star + 3);
  line.remove_prefix(star);
  for (size_t skip = 0; skip <= line.size(); ++skip) {
    if (Matches(pattern, line.substr(skip))) return true;
  }
  return false;
}

bool Matches(const Lines& expected, const Lines& seen) {
  return std::equal(expected.begin(), expected.end(), seen.begin(), seen.end(),
                    [](const std::string& a, const std::string& b) { return Matches(a, b); });
}

void Append(const char* name, const Lines& lines, std::string& text) {
  if (lines.empty()) return;
  text += fmt::format("{}:\n", name);
  for (const std::string& line : lines) text += line + "\n";
}

std::string Describe(const Case& parsed, const Outcome& outcome) {
  std::string text = fmt::format("exit: {}\n", outcome.exit_code);
  if (parsed.checks_files) text += fmt::format("files: {}\n", outcome.files);
  Append("stdout", outcome.out, text);
  Append("stderr", outcome.err, text);
  return text;
}

int RunCase(const fs::path& path) {
  Case parsed;
  Outcome expected;
  ParseCase(path, parsed, expected);
  if (!std::string_view(VGPU_CLI11_VERSION).starts_with(parsed.cli11)) {
    fmt::print("skipped: the texts are those of CLI11 {}, and this is built with {}\n",
               parsed.cli11, VGPU_CLI11_VERSION);
    return kSkipped;
  }
  const Outcome seen = Run(parsed);
  if (expected.exit_code == seen.exit_code &&
      (!parsed.checks_files || expected.files == seen.files) && Matches(expected.out, seen.out) &&
      Matches(expected.err, seen.err)) {
    return 0;
  }
  if (getenv("VGPU_UPDATE_GOLDENS") != nullptr) {
    std::ofstream out(path);
    for (const std::string& line : parsed.head) out << line << "\n";
    out << Describe(parsed, seen);
    fmt::print("{}: rewritten\n", path.string());
    return 0;
  }
  fmt::print("{}: '{}' differs\n--- expected\n{}--- seen\n{}", path.string(), parsed.command,
             Describe(parsed, expected), Describe(parsed, seen));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: golden_cli_test CASE.txt\n");
    return 2;
  }
  try {
    return RunCase(argv[1]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
