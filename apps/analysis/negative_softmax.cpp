#include "apps/analysis/negative_softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kelvin {

NegativeSoftmax negative_softmax(std::span<const float> logits, std::size_t label, double tau) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (std::size_t j = 0; j < logits.size(); ++j)
    if (j != label) largest = std::max(largest, static_cast<double>(logits[j]));
  NegativeSoftmax s;
  s.alpha.assign(logits.size(), 0);
  for (std::size_t j = 0; j < logits.size(); ++j)
    if (j != label) sum += s.alpha[j] = std::exp((static_cast<double>(logits[j]) - largest) / tau);
  for (double& a : s.alpha) a /= sum;
  s.error = 1 / (1 + std::exp((static_cast<double>(logits[label]) - largest) / tau - std::log(sum)));
  return s;
}

double effective_negatives(const NegativeSoftmax& s) {
  double entropy = 0;
  for (const double a : s.alpha)
    if (a > 0) entropy -= a * std::log(a);
  return std::exp(entropy);
}

double cosine_of_logit_gradients(const NegativeSoftmax& a, const NegativeSoftmax& b) {
  double dot = 1, aa = 1, bb = 1;  // the label's own terms: (−1)(−1)
  for (std::size_t j = 0; j < a.alpha.size(); ++j) {
    dot += a.alpha[j] * b.alpha[j];
    aa += a.alpha[j] * a.alpha[j];
    bb += b.alpha[j] * b.alpha[j];
  }
  return dot / std::sqrt(aa * bb);
}

}  // namespace kelvin
