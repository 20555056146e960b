// log softmax(z / τ) of one row on the CPU, as every softmax loss needs it: log p_j = (z_j/τ − max) − log Σ_k exp(z_k/τ − max).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/losses/loss_rows.h"

namespace kelvin {

template <class T>  // float or double
struct RowLogSoftmax {
  const T* z;  // [classes]
  T tau, maximum, log_sum;

  RowLogSoftmax(const T* row, std::int64_t classes, T temperature) : z(row), tau(temperature) {
    maximum = *std::max_element(row, row + classes) / tau;
    T sum = 0;
    for (std::int64_t j = 0; j < classes; ++j) sum += std::exp(row[j] / tau - maximum);
    log_sum = std::log(sum);
  }
  [[nodiscard]] T operator()(std::int64_t j) const { return z[j] / tau - maximum - log_sum; }
  [[nodiscard]] T probability(std::int64_t j) const { return std::exp((*this)(j)); }
};

}  // namespace kelvin
