// How much two pictures may differ and still count as the same.
#pragma once

#include <cstdint>
#include <optional>

namespace vgpu {

struct Tolerance {
#define VGPU_TOLERANCE(type, name, exact, low, high, option, summary) type name = exact;
#include "replay/frames/tolerances.def"

  bool operator==(const Tolerance&) const = default;
  bool IsExact() const { return *this == Tolerance{}; }
};

// What somebody says of it: the command line, a suite.
struct ToleranceChoice {
#define VGPU_TOLERANCE(type, name, exact, low, high, option, summary) \
  std::optional<type> name = std::nullopt;
#include "replay/frames/tolerances.def"
};

// `base`, but for what is given.
inline Tolerance Merge(Tolerance base, const ToleranceChoice& given) {
#define VGPU_TOLERANCE(type, name, exact, low, high, option, summary) \
  base.name = given.name.value_or(base.name);
#include "replay/frames/tolerances.def"
  return base;
}
// The same of two choices: the later word on each.
inline ToleranceChoice Merge(ToleranceChoice base, const ToleranceChoice& given) {
#define VGPU_TOLERANCE(type, name, exact, low, high, option, summary) \
  if (given.name) base.name = given.name;
#include "replay/frames/tolerances.def"
  return base;
}

}  // namespace vgpu
