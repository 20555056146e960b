// Stands in for the CUDA toolkit's header: the element types that kernels/ names to NVIDIA's libraries.
#pragma once

enum cudaDataType_t { CUDA_R_32F = 0, CUDA_R_16BF = 14 };
