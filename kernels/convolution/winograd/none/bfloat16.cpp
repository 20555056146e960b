// For builds whose instruction set has no bfloat16 products: the direct convolution does everything.
#include "kernels/convolution/winograd/winograd.h"

namespace kelvin::winograd {

template <>
bool can_run<bfloat16>(const Shape&, const Shape&, const ConvOptions&) { return false; }

void forward(View<bfloat16>, View<const bfloat16>, View<const float>, const ConvEpilogue<bfloat16>&) {
  KELVIN_CHECK(false, "this build has no Winograd kernels");
}
void backward_data(View<bfloat16>, View<const bfloat16>, View<const float>, bool) {
  KELVIN_CHECK(false, "this build has no Winograd kernels");
}
void backward_filter(View<float>, View<const bfloat16>, View<const bfloat16>) {
  KELVIN_CHECK(false, "this build has no Winograd kernels");
}

}  // namespace kelvin::winograd
