#include "kernels/arrays/top1.h"

#include <algorithm>

namespace kelvin {
namespace {

std::int32_t argmax_row(const float* row, std::int64_t classes) {
  return static_cast<std::int32_t>(std::max_element(row, row + classes) - row);
}

}  // namespace

void argmax(Cpu, View<std::int32_t> predictions, View<const float> logits) {
  for (std::int64_t row = 0; row < predictions.size(); ++row)
    predictions[row] = argmax_row(logits.data + row * logits.cols(), logits.cols());
}

void count_correct(Cpu, View<std::int32_t> count, View<const float> logits, View<const std::int32_t> labels) {
  for (std::int64_t row = 0; row < labels.size(); ++row)
    count[0] += argmax_row(logits.data + row * logits.cols(), logits.cols()) == labels[row] ? 1 : 0;
}

void matches(Cpu, View<std::int32_t> flags, View<const std::int32_t> a, View<const std::int32_t> b, bool wanted) {
  for (std::int64_t i = 0; i < flags.size(); ++i) flags[i] = (a[i] == b[i]) == wanted ? 1 : 0;
}

}  // namespace kelvin
