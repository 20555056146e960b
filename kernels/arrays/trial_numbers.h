// Random numbers to compare an algorithm with the plain one on, because the caller's may all be zero. Included by .cu files only.
#pragma once

#include "kernels/arrays/elementwise.h"
#include "kernels/arrays/random_fill.h"
#include "kernels/device/pool_block.h"

namespace kelvin {

// Standard normal, rounded to T.
template <class T>
void draw_normal(const Cuda& cuda, View<T> to, const RandomKey& key) {
  const CudaBlock block(cuda, static_cast<std::size_t>(to.size()) * sizeof(float));
  const View<float> numbers{block.as<float>(), to.shape};
  fill_normal(cuda, numbers, key, 0, 1);
  convert<T, float>(cuda, to, {numbers.data, numbers.shape});
}

}  // namespace kelvin
