#include "cli/capture/program_arguments.h"
#include "cli/verb.h"

int main(int argc, char** argv) {
  vgpu::cli::ShieldedArguments arguments(argc, argv);
  return vgpu::cli::RunProgram(vgpu::cli::CaptureProgram(), argc, arguments.argv());
}
