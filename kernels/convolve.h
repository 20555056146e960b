// The convolution itself on the GPU, without what conv2d.cu does before and after: by whichever way is fastest for its shape.
#pragma once

#include "kernels/cudnn/convolution.h"
#include "kernels/device/device.h"

namespace kelvin {

// Runs the problem on three device addresses in their direction's roles: x [N, H, W, C], w [K, R, S, C], y [N, P, Q, K], all of its element
// type, NHWC. One of them is the result.
//
// The ways: the plans that cuDNN's heuristic likes best and, for a 1x1 convolution of stride 1, cuBLASLt's matrix product of the pixels
// [N·H·W, C] with the filter. One is chosen when a shape is met for the first time, not while a step is recorded, and stays until the
// program ends: with autotuning the fastest on these very tensors, otherwise the first that runs. In float32 without TF32 that is the
// product: cuDNN's engines for it transpose both images to NCHW and back.
// A way that cannot run, which cuDNN may find out only then, is left out. Throws the last one's Error where none can.
void convolve(const Cuda&, const cudnn::ConvProblem& problem, const void* x, const void* w, const void* y);

}  // namespace kelvin
