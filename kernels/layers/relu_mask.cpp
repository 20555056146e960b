#include "kernels/layers/relu_mask.h"

#include <algorithm>

#include "kernels/device/parallel.h"

namespace kelvin {

template <class T>
void relu_mask(Cpu, View<std::uint8_t> mask, View<const T> y) {
  KELVIN_CHECK(mask.size() == relu_mask_bytes(y.size()), "a mask of ", mask.size(), " bytes for ", y.size());
  parallel_for((y.size() + 7) / 8,
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t byte = begin; byte < end; ++byte) {
                   const std::int64_t first = byte * 8, n = std::min<std::int64_t>(8, y.size() - first);
                   unsigned bits = 0;
                   for (std::int64_t k = 0; k < n; ++k)
                     bits |= static_cast<unsigned>(static_cast<float>(y[first + k]) > 0.0f) << k;
                   mask[byte] = static_cast<std::uint8_t>(bits);
                 }
               },
               /*cost=*/8);
}

template void relu_mask(Cpu, View<std::uint8_t>, View<const float>);
template void relu_mask(Cpu, View<std::uint8_t>, View<const bfloat16>);

}  // namespace kelvin
