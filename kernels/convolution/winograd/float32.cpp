#include "kernels/convolution/winograd/float_tiles.h"
#include "kernels/convolution/winograd/winograd.h"

namespace kelvin::winograd {
namespace {

struct FloatImages {
  using Element = float;
  [[gnu::always_inline]] static RegisterLanes load(const float* p) { return load_register(p); }
  [[gnu::always_inline]] static void store(float* p, const RegisterLanes& v) { store_register(p, v); }
};

}  // namespace

template <>
bool can_run<float>(const Shape& x, const Shape& w, const ConvOptions& o) {
  return x.size() > 0 && w[1] == 3 && w[2] == 3 && o.stride == 1 && o.pad == 1 && w[0] % 16 == 0 && w[3] % 16 == 0;
}

void forward(View<float> y, View<const float> x, View<const float> w, const ConvEpilogue<float>& epilogue) {
  convolve_forward<FloatTiles<FloatImages>>(y, x, w, epilogue);
}

void backward_data(View<float> dx, View<const float> dy, View<const float> w, bool adds) {
  convolve_backward<FloatTiles<FloatImages>>(dx, dy, w, adds);
}

void backward_filter(View<float> dw, View<const float> x, View<const float> dy) {
  filter_gradient<FloatTiles<FloatImages>>(dw, x, dy);
}

}  // namespace kelvin::winograd
