// Bytes: reads y, writes an eighth of a byte an element.
#include "kernels/layers/relu_mask.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

// A thread a byte, which is eight elements; the last byte may have fewer.
template <class T>
struct MaskOf {
  std::uint8_t* mask;
  const T* y;
  std::int64_t size;
  template <int N>
  __device__ void run(std::int64_t byte) const {
    unsigned bits = 0;
    for (int k = 0; k < 8; ++k)
      if (byte * 8 + k < size && to_float(y[byte * 8 + k]) > 0.0f) bits |= 1u << k;
    mask[byte] = static_cast<std::uint8_t>(bits);
  }
};

}  // namespace

template <class T>
void relu_mask(const Cuda& cuda, View<std::uint8_t> mask, View<const T> y) {
  KELVIN_CHECK(mask.size() == relu_mask_bytes(y.size()), "a mask of ", mask.size(), " bytes for ", y.size());
  launch_elements(cuda, (y.size() + 7) / 8, false, MaskOf<T>{mask.data, y.data, y.size()});
}

template void relu_mask(const Cuda&, View<std::uint8_t>, View<const float>);
template void relu_mask(const Cuda&, View<std::uint8_t>, View<const bfloat16>);

}  // namespace kelvin
