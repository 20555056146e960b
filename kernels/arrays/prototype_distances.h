// Euclidean distances from features to class prototypes: D[i, j] = ‖f_i − w_j‖₂.
// Differences are squared and summed directly (in double): the expansion ‖f‖² + ‖w‖² − 2 f·w loses small distances.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

// distances [N, C], features [N, d], prototypes [C, d]
void prototype_distances(Cpu, View<float> distances, View<const float> features, View<const float> prototypes);
void prototype_distances(const Cuda&, View<float> distances, View<const float> features, View<const float> prototypes);

}  // namespace kelvin
