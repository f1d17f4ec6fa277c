#include "cli/capture/program_arguments.h"

namespace vgpu::cli {

namespace {

constexpr char kShield = '\x1f';  // unit separator: CLI11 gives it no meaning

}  // namespace

ShieldedArguments::ShieldedArguments(int argc, char** argv) {
  bool behind_mark = false;
  for (int i = 0; i < argc; ++i) {
    std::string word = argv[i];
    if (behind_mark && (word.starts_with('[') || word.starts_with(kShield)))
      word.insert(word.begin(), kShield);
    behind_mark = behind_mark || word == "--";
    words_.push_back(std::move(word));
  }
  for (std::string& word : words_) pointers_.push_back(word.data());
  pointers_.push_back(nullptr);
}

std::vector<std::string> Unshield(std::vector<std::string> words) {
  for (std::string& word : words) {
    if (word.starts_with(kShield)) word.erase(0, 1);
  }
  return words;
}

}  // namespace vgpu::cli
