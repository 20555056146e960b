// Elementwise helpers without a formula of their own: fill, convert, accumulate, scale, add.
//
// T is the storage type (float or bfloat16); arithmetic is float32. Inputs and outputs have the same number of elements
// and must not overlap unless a comment says so. Deterministic.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

template <class T>  // float, bfloat16, int32
void fill(Cpu, View<T> y, T value);
template <class T>
void fill(const Cuda&, View<T> y, T value);

// y[i] = factor · scalar[0] for every i; scalar is a device scalar, so nothing is read back to the host
void fill_scaled(Cpu, View<float> y, View<const float> scalar, float factor);
void fill_scaled(const Cuda&, View<float> y, View<const float> scalar, float factor);

// x[0] += 1, for a count kept in device memory
void increment(Cpu, View<float> x);
void increment(const Cuda&, View<float> x);

// y = x in another element type, rounded to nearest even.
template <class To, class From>
void convert(Cpu, View<To> y, View<const From> x);
template <class To, class From>
void convert(const Cuda&, View<To> y, View<const From> x);

// y += x
template <class To, class From>
void accumulate(Cpu, View<To> y, View<const From> x);
template <class To, class From>
void accumulate(const Cuda&, View<To> y, View<const From> x);

// y *= factor, in place
template <class T>
void scale(Cpu, View<T> y, float factor);
template <class T>
void scale(const Cuda&, View<T> y, float factor);

// y = a + b; y may be a or b
template <class T>
void add(Cpu, View<T> y, View<const T> a, View<const T> b);
template <class T>
void add(const Cuda&, View<T> y, View<const T> a, View<const T> b);

}  // namespace kelvin
