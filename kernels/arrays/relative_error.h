// The distance between two matrices, to accept the result of an algorithm only where it agrees with the plain one's.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

// Euclidean norms; not finite where a value is not. Relative to a reference of zeros: infinite or not a number.
struct Distance {
  double difference = 0, reference = 0;
  [[nodiscard]] double relative() const { return difference / reference; }
};

// ‖got − reference‖ and ‖reference‖ over columns [begin, end) of two [rows, cols] matrices. In double; the same bits every time. Waits for
// the GPU: not inside a captured step.
template <class T>
[[nodiscard]] Distance distance(Cpu, View<const T> got, View<const T> reference, std::int64_t begin, std::int64_t end);
template <class T>
[[nodiscard]] Distance distance(const Cuda& cuda, View<const T> got, View<const T> reference, std::int64_t begin,
                                std::int64_t end);

// Whether all elements are NaN. Waits for the GPU.
template <class T>
[[nodiscard]] bool is_all_nan(const Cuda& cuda, View<const T> x);

}  // namespace kelvin
