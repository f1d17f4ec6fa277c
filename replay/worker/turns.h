// Loops of a replay that begin when somebody says so: two replays that take turns are measured
// under the same conditions.
#pragma once

#include <functional>

namespace vgpu {

struct Turns {
  int input = -1;   // where a line allows the next loop; closed: there is none
  int output = -1;  // where the line "ready" asks for it
};

// Asks and waits, calling `beat` now and then. False where there is no next loop.
bool WaitForTurn(const Turns& turns, const std::function<void()>& beat);

}  // namespace vgpu
