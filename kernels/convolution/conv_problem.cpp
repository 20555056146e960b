#include "kernels/convolution/conv_problem.h"

#include "kernels/device/error.h"

namespace kelvin {

std::string describe(const ConvProblem& p) {
  static constexpr const char* kNames[] = {"forward", "backward data", "backward filter"};
  const auto list = [](const std::array<std::int64_t, 4>& d) {
    return str("[", d[0], ", ", d[1], ", ", d[2], ", ", d[3], "]");
  };
  return str(kNames[static_cast<int>(p.direction)], " ", p.allow_tf32 ? "tf32" : name_of(p.dtype), " x ", list(p.x),
             ", w ", list(p.w), ", stride ", p.stride, ", pad ", p.pad, p.adds ? ", added" : "",
             p.has_residual ? ", + residual" : "", p.has_bias ? ", + bias" : "", p.relu ? ", relu" : "");
}

}  // namespace kelvin
