// The test that a cuDNN plan for a convolution must pass before it is used. It runs when a shape is first met, on numbers of our own, because the
// caller's may all be zero, and it waits for the GPU. Included by .cu files only.
#pragma once

#include <functional>

#include "kernels/convolution/conv_problem.h"
#include "kernels/device/device.h"

namespace kelvin {

// Runs the problem on these tensors with the algorithm under test.
using ConvRun = std::function<void(const ConvTensors&)>;

// Whether a forward convolution that ends in a ReLU passes NaN on, as our own kernels and PyTorch do. cuDNN's engines do not document it. `tensors`
// are the caller's; the test puts NaN in place of the bias or, where there is no bias, of the image.
[[nodiscard]] bool hands_nan_on(const Cuda& cuda, const ConvProblem& problem, ConvTensors tensors, const ConvRun& run);

}  // namespace kelvin
