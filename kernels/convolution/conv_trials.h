// What a plan of cuDNN's for a convolution must show before it is believed, on numbers of our own, because the caller's may all be zero. Tried when a
// shape is first met; waits for the GPU. Included by .cu files only.
#pragma once

#include <functional>

#include "kernels/convolution/conv_problem.h"
#include "kernels/device/device.h"

namespace kelvin {

// Runs the problem, by one way or another, on these tensors.
using ConvRun = std::function<void(const ConvTensors&)>;

// Whether a forward convolution that ends in a ReLU hands NaN on, as our own kernels and PyTorch do. What cuDNN's engines do with it they do not
// say: `tensors` are the caller's, in the place of the bias, or without one of the image, there is NaN.
[[nodiscard]] bool hands_nan_on(const Cuda& cuda, const ConvProblem& problem, ConvTensors tensors, const ConvRun& run);

}  // namespace kelvin
