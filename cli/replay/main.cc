#include "cli/verb.h"

int main(int argc, char** argv) {
  return vgpu::cli::RunProgram(vgpu::cli::ReplayProgram(), argc, argv);
}
