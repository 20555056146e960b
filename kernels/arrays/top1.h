// Predictions from logits [rows, C]: the class of the largest logit, the first of equals.
#pragma once

#include <cstdint>

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

// predictions [rows]
void argmax(Cpu, View<std::int32_t> predictions, View<const float> logits);
void argmax(const Cuda&, View<std::int32_t> predictions, View<const float> logits);

// count [1] += the number of rows whose prediction is the label
void count_correct(Cpu, View<std::int32_t> count, View<const float> logits, View<const std::int32_t> labels);
void count_correct(const Cuda&, View<std::int32_t> count, View<const float> logits, View<const std::int32_t> labels);

// flags [n] = 1 where (a = b) is `wanted`, otherwise 0
void matches(Cpu, View<std::int32_t> flags, View<const std::int32_t> a, View<const std::int32_t> b, bool wanted);
void matches(const Cuda&, View<std::int32_t> flags, View<const std::int32_t> a, View<const std::int32_t> b,
             bool wanted);

}  // namespace kelvin
