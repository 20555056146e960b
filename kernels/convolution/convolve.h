// The convolution itself on the GPU, without the changes of type and channels that conv2d.cu makes around it: by whichever way is fastest
// for its shape.
#pragma once

#include "kernels/convolution/conv_problem.h"
#include "kernels/device/device.h"

namespace kelvin {

// The ways:
//   cuDNN          the plans that its heuristic likes best
//   a product      of the filter with the pixels of a 1x1 convolution of stride 1, [N·H·W, C], or with patches where these are few (patches.h): by
//                  cuda_matmul.h
//   Winograd's     a 3x3 convolution of float32 of stride 1 (winograd/cuda_convolve.h)
//   two passes     where something is added besides: the plain convolution, by whichever way, followed by a pass of ours; cuDNN's
//                  plans, products and Winograd's do most of that as they store
//   halves         of the images, one after the other, where cuDNN has no plan, or no good one, for so many, or Winograd's needs over 1 GiB
// One is chosen when a shape is met for the first time, not while a step is recorded, and stays until the program ends: with autotuning the
// fastest on these very tensors, otherwise the first that runs. In float32 without TF32 that is Winograd's (64 channels and more) or the product:
// cuDNN's engines transpose both images to NCHW and back.
// A filter gradient is float32 whatever the images are: a product writes it so, a plan in bfloat16, to be widened in a pass of its own.
// A way that cannot run, which cuDNN may find out only then, is left out, and so is a plan of cuDNN's whose ReLU does not hand NaN on (conv_trials.h).
// Where the chosen way finds no memory, another that asks for less takes its place. Throws an Error where none can run.
void convolve(const Cuda&, const ConvProblem& problem, const ConvTensors& tensors);

}  // namespace kelvin
