// Estimates the time of a sweep from the rates of three short benchmarks: training, inference and attack steps of its model.
#pragma once

#include "apps/sweep/measures.h"
#include "apps/training/train.h"

namespace kelvin {

struct Rates {  // images a second
  double train = 0, infer = 0, attack_step = 0;
};

// Seconds of one cell: training on `train_images` with an evaluation of `test_images` in each epoch, then the measurements. Attacks whose cost
// depends on when they succeed are assumed to work on the fraction `kUsuallyStanding` of their images.
[[nodiscard]] double estimated_seconds(const TrainOptions& options, std::int64_t train_images, std::int64_t test_images,
                                       const std::vector<Measurement>& list, const Rates& rates);

}  // namespace kelvin
