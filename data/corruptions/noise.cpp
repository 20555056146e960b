// Noise: Gaussian, shot (Poisson) and impulse (salt and pepper). Every pixel and channel is drawn on its own.
#include <cmath>

#include "data/corruptions/corruption.h"

namespace kelvin {
namespace {

constexpr BySize<double> kGaussianSigma = {
    {.04, .06, .08, .09, .10}, {.04, .08, .12, .15, .18}, {.08, .12, .18, .26, .38}};
constexpr BySize<double> kShotRate = {{500, 250, 100, 75, 50}, {250, 100, 50, 30, 15}, {60, 25, 12, 5, 3}};
constexpr BySize<double> kSpeckleSigma = {{.06, .1, .12, .16, .2}, {.15, .2, .25, .3, .35}, {.15, .2, .35, .45, .6}};
constexpr BySize<double> kImpulseAmount = {
    {.01, .02, .03, .05, .07}, {.01, .02, .05, .08, .14}, {.03, .06, .09, .17, .27}};

// In (0, 1), 53 bits from two words.
double uniform(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t bits = (static_cast<std::uint64_t>(high) << 32 | low) >> 11;
  return (static_cast<double>(bits) + 0.5) * 0x1p-53;
}

// Small means: inversion, adding up probabilities from 0 on.
double poisson_by_inversion(double mean, double u) {
  double probability = std::exp(-mean), sum = probability;
  double k = 0;
  while (u > sum && probability > 0) {
    ++k;
    probability *= mean / k;
    sum += probability;
  }
  return k;
}

// Means of 10 and more: transformed rejection, algorithm PTRS (Hörmann 1993, Insurance: Mathematics and Economics 12).
double poisson_by_rejection(double mean, std::size_t element, const ImageRandom& random) {
  const double b = 0.931 + 2.53 * std::sqrt(mean), a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
  for (std::uint32_t draw = 0;; ++draw) {
    const auto bits = random.bits(element, draw);
    const double u = uniform(bits[0], bits[1]) - 0.5, v = uniform(bits[2], bits[3]);
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v * inverse_alpha / (a / (us * us) + b)) <= k * std::log(mean) - mean - std::lgamma(k + 1)) return k;
  }
}

double poisson(double mean, std::size_t element, const ImageRandom& random) {
  if (mean >= 10) return poisson_by_rejection(mean, element, random);
  const auto bits = random.bits(element);
  return poisson_by_inversion(mean, uniform(bits[0], bits[1]));
}

}  // namespace

ByteImage gaussian_noise(const ByteImage& image, int severity, const ImageRandom& random) {
  std::vector<double> x = to_unit(image);
  const double sigma = kGaussianSigma.at(image, severity);
  const std::vector<float> noise = normals(random, x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += sigma * static_cast<double>(noise[i]);
  return from_unit(image, x);
}

// Gaussian noise in proportion to the pixel.
ByteImage speckle_noise(const ByteImage& image, int severity, const ImageRandom& random) {
  std::vector<double> x = to_unit(image);
  const double sigma = kSpeckleSigma.at(image, severity);
  const std::vector<float> noise = normals(random, x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += x[i] * sigma * static_cast<double>(noise[i]);
  return from_unit(image, x);
}

ByteImage shot_noise(const ByteImage& image, int severity, const ImageRandom& random) {
  std::vector<double> x = to_unit(image);
  const double rate = kShotRate.at(image, severity);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = poisson(x[i] * rate, i, random) / rate;
  return from_unit(image, x);
}

ByteImage impulse_noise(const ByteImage& image, int severity, const ImageRandom& random) {
  std::vector<double> x = to_unit(image);
  const double amount = kImpulseAmount.at(image, severity);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto bits = random.bits(i);
    if (uniform(bits[0], bits[1]) < amount) x[i] = (bits[2] & 1u) != 0 ? 1.0 : 0.0;
  }
  return from_unit(image, x);
}

}  // namespace kelvin
