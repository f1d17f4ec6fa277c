#include <signal.h>

#include "cli/replay/console.h"

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);  // `| head` has read enough: an end like any other
  const int code = vgpu::cli::RunProgram(vgpu::cli::ReplayProgram(), argc, argv);
  if (code > vgpu::cli::kExitInterrupted) {
    // All is put away: whoever started this learns that it was ended, and by what.
    const int number = code - vgpu::cli::kExitInterrupted;
    signal(number, SIG_DFL);
    raise(number);
  }
  return code;
}
