// Gaussian classes: the simplest data on which the effect of τ can be studied.
//
// Class c has a mean image drawn uniformly from [0.25, 0.75]^d; an image is its class's mean plus N(0, σ²) noise in every
// coordinate, clipped to [0, 1]. `overlap` is the expected error of the best classifier between two typical classes,
// Q(‖m_a − m_b‖ / 2σ) with Q the upper tail of the standard normal and ‖m_a − m_b‖ the root mean square distance of two
// means; σ follows from it.
//
//   synthetic:classes=10,size=8,channels=1,train=5000,test=1000,overlap=0.001      (these are the defaults)
//
// Deterministic by the seed. Labels cycle through the classes.
#pragma once

#include "data/dataset.h"

namespace kelvin {

[[nodiscard]] Dataset load_synthetic(const std::string& options, const DatasetOptions& dataset_options);

}  // namespace kelvin
