// Every kernel whose threads exchange data through memory, on inputs small enough for ThreadSanitizer: each is called once in each of its
// forms. (Attention's threads use shuffles only.)
#pragma once

#include "kernels/device/cuda.h"

namespace kelvin::testing {

void race_losses(const Cuda& cuda);         // a row of logits for each group of lanes, warp or block
void race_cross_entropy(const Cuda& cuda);  // its tiles and long rows in shared memory
void race_attacks(const Cuda& cuda);        // an image for each block
void race_reductions(const Cuda& cuda);     // columns, whole tensors, statistics
void race_features(const Cuda& cuda);       // layer norm, normalised rows, distances
void race_products(const Cuda& cuda);       // products with split factors, Winograd's filter gradients

}  // namespace kelvin::testing
