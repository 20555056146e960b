// What the CPU loops of the losses share: rows in parallel, and the largest logit of a row.
#pragma once

#include <cstdint>

#include "kernels/device/parallel.h"

namespace kelvin {

// f(row) for every row of logits, in parallel: an exponential or two for each class.
template <class F>
void for_each_loss_row(std::int64_t rows, std::int64_t classes, const F& f) {
  for_each_row(rows, 100 * classes, f);
}

// The position of the largest z[j], the first of equals, that is none of `except`.
template <class T, class... Except>
std::int64_t best_index(const T* z, std::int64_t classes, Except... except) {
  std::int64_t best = -1;
  for (std::int64_t j = 0; j < classes; ++j)
    if (((j != except) && ...) && (best < 0 || z[j] > z[best])) best = j;
  return best;
}

}  // namespace kelvin
