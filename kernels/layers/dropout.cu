// Memory-bound: two streams, and about 25 integer operations an element for Philox. A thread divides once to find its first element's draw and
// counts from there. It keeps the four words of a group of draws and draws again when an element belongs to the next group.
#include "kernels/layers/dropout.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

template <class T>
struct Dropout {
  static constexpr int kPack = pack_of<T>;
  T* y;
  const T* x;
  const std::int32_t* step;  // [1]
  DropoutOptions o;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const float scale = 1.0f / (1.0f - o.rate);
    Pack<N> v = load<N>(x + i);
    std::int64_t draw = i / o.per_draw, next = (draw + 1) * o.per_draw;  // next: the first element of the next draw
    std::int64_t group = -1;
    std::array<std::uint32_t, 4> words{};
    for (int k = 0; k < N; ++k) {
      if (i + k == next) {
        ++draw;
        next += o.per_draw;
      }
      const std::int64_t number = o.first_draw + draw;
      if (number / 4 != group) {
        group = number / 4;
        words = dropout_words(o.key, step[0], group);
      }
      v[k] *= uniform01(words[static_cast<std::size_t>(number % 4)]) >= o.rate ? scale : 0.0f;
    }
    store<N>(y + i, v);
  }
};

}  // namespace

template <class T>
void dropout(const Cuda& cuda, View<T> y, View<const T> x, View<const std::int32_t> step,
             const DropoutOptions& options) {
  launch_elements(cuda, y.size(), can_use_packs(y, x), Dropout<T>{y.data, x.data, step.data, options});
}

template void dropout(const Cuda&, View<float>, View<const float>, View<const std::int32_t>, const DropoutOptions&);
template void dropout(const Cuda&, View<bfloat16>, View<const bfloat16>, View<const std::int32_t>,
                      const DropoutOptions&);

}  // namespace kelvin
