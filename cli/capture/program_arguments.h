// Carries a recorded program's arguments through CLI11 as they are.
//
// CLI11 takes an argument in brackets, "[a,b]", for a list and splits it. Behind "--" such an
// argument is shielded by a character in front, which the verbs take away again.
#pragma once

#include <string>
#include <vector>

namespace vgpu::cli {

class ShieldedArguments {
 public:
  ShieldedArguments(int argc, char** argv);
  ShieldedArguments(const ShieldedArguments&) = delete;
  ShieldedArguments& operator=(const ShieldedArguments&) = delete;
  char** argv() { return pointers_.data(); }

 private:
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

std::vector<std::string> Unshield(std::vector<std::string> words);

}  // namespace vgpu::cli
