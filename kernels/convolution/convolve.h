// The convolution itself on the GPU, without the changes of type and channels that conv2d.cu makes around it, with the fastest algorithm for
// its shape.
#pragma once

#include "kernels/convolution/conv_problem.h"
#include "kernels/device/device.h"

namespace kelvin {

// The algorithms:
//   cuDNN          the plans that its heuristic ranks first
//   a product      (cuda_matmul.h) of the filter with the pixels of a 1x1 convolution of stride 1, [N·H·W, C], or with patches where these are
//                  few (patches.h)
//   Winograd's     a 3x3 convolution of float32 with stride 1 (winograd/cuda_convolve.h)
//   two passes     where a residual, bias, ReLU or sum is asked for: the plain convolution by any of these, then a pass of ours over its result.
//                  cuDNN's plans, products and Winograd's can do most of that while they store
//   halves         of the images, one after the other, where cuDNN has no plan, or no good one, for so many, or Winograd's needs over 1 GiB
// One is chosen when a shape is first met, not while a step is recorded, and kept until the program ends: with autotuning the fastest on these
// tensors, otherwise the first that runs. In float32 without TF32 that is Winograd's (64 channels and more) or the product: cuDNN's engines
// transpose both images to NCHW and back.
// A filter gradient is float32 whatever the images are. A product writes float32; a cuDNN plan writes bfloat16, which another pass widens.
// An algorithm that cannot run is left out (cuDNN may report that only at this point), and so is a cuDNN plan whose ReLU does not pass NaN on
// (conv_trials.h). Where the chosen algorithm finds no memory, one that needs less takes its place. Throws an Error where none can run.
void convolve(const Cuda&, const ConvProblem& problem, const ConvTensors& tensors);

}  // namespace kelvin
