#include "kernels/layers/dropout.h"

#include "kernels/device/parallel.h"

namespace kelvin {

template <class T>
void dropout(Cpu, View<T> y, View<const T> x, View<const std::int32_t> step, const DropoutOptions& o) {
  const float scale = 1.0f / (1.0f - o.rate);
  const std::int32_t now = step[0];
  const std::int64_t end_of_draws = o.first_draw + (x.size() + o.per_draw - 1) / o.per_draw;
  const std::int64_t first_group = o.first_draw / 4;
  // Four draws share one Philox counter: a thread takes whole groups of them.
  parallel_for((end_of_draws + 3) / 4 - first_group,
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t group = first_group + begin; group < first_group + end; ++group) {
                   const auto words = dropout_words(o.key, now, group);
                   for (std::int64_t j = std::max(4 * group, o.first_draw); j < std::min(4 * group + 4, end_of_draws);
                        ++j) {
                     const float factor = uniform01(words[static_cast<std::size_t>(j % 4)]) >= o.rate ? scale : 0.0f;
                     const std::int64_t at = (j - o.first_draw) * o.per_draw;
                     for (std::int64_t i = at; i < std::min(x.size(), at + o.per_draw); ++i)
                       y[i] = T(static_cast<float>(x[i]) * factor);
                   }
                 }
               },
               /*cost=*/100 + 4 * o.per_draw);
}

template void dropout(Cpu, View<float>, View<const float>, View<const std::int32_t>, const DropoutOptions&);
template void dropout(Cpu, View<bfloat16>, View<const bfloat16>, View<const std::int32_t>, const DropoutOptions&);

}  // namespace kelvin
