#include "kernels/arrays/relative_error.h"

#include <cmath>

namespace kelvin {

template <class T>
Distance distance(Cpu, View<const T> got, View<const T> reference, std::int64_t begin, std::int64_t end) {
  Distance d;
  for (std::int64_t row = 0; row < got.rows(); ++row)
    for (std::int64_t col = begin; col < end; ++col) {
      const double r = static_cast<float>(reference.data[row * got.cols() + col]);
      const double difference = static_cast<float>(got.data[row * got.cols() + col]) - r;
      d.difference += difference * difference;
      d.reference += r * r;
    }
  return {std::sqrt(d.difference), std::sqrt(d.reference)};
}

template Distance distance(Cpu, View<const float>, View<const float>, std::int64_t, std::int64_t);
template Distance distance(Cpu, View<const bfloat16>, View<const bfloat16>, std::int64_t, std::int64_t);

}  // namespace kelvin
