#include "tests/models/golden_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "data/npy.h"
#include "kernels/device/philox.h"

namespace kelvin::testing {
namespace {

// PyTorch's order of a filter's elements, [K, C, R, S], to ours, [K, R, S, C], or back.
std::vector<float> reorder(const std::vector<float>& from, const Shape& krsc, bool to_krsc) {
  if (krsc.rank() != 4) return from;
  std::vector<float> to(from.size());
  std::size_t at = 0;
  for (std::int64_t k = 0; k < krsc[0]; ++k)
    for (std::int64_t r = 0; r < krsc[1]; ++r)
      for (std::int64_t s = 0; s < krsc[2]; ++s)
        for (std::int64_t c = 0; c < krsc[3]; ++c, ++at) {
          const auto theirs = static_cast<std::size_t>(((k * krsc[3] + c) * krsc[1] + r) * krsc[2] + s);
          to_krsc ? to[at] = from[theirs] : to[theirs] = from[at];
        }
  return to;
}

void fill_one(const Parameter& p) {
  const Shape& shape = p.value.shape();
  const std::string& name = p.spec.name;
  const std::int64_t n = shape.size();
  // class token and positions, [1, T, d], are given a fan-in of 24
  const double fan_in = shape.rank() == 3 ? 24 : static_cast<double>(n) / static_cast<double>(shape[0]);
  std::vector<float> values;
  if (name.ends_with("running_mean"))
    values = formula(name, n, 0.25, 0);
  else if (name.ends_with("running_var"))
    values = formula(name, n, 0.5, 1);
  else if (shape.rank() > 1)
    values = formula(name, n, std::exp2(std::nearbyint(std::log2(std::sqrt(6 / fan_in)))), 0);
  else
    values = name.ends_with("bias") ? formula(name, n, 0.125, 0.75) : formula(name, n, 0.125, 0.25);
  p.value.copy_from_host(reorder(values, shape, true));
}

}  // namespace

std::vector<float> formula(const std::string& name, std::int64_t n, double scale, double offset) {
  const RandomKey key{11, random_stream(name)};
  std::vector<float> values(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double u = static_cast<double>(philox(key, i / 4)[i % 4] >> 9) * std::ldexp(1.0, -22) - 1;
    values[i] = static_cast<float>(offset + scale * u);
  }
  return values;
}

double norm(const std::vector<float>& v) {
  double sum = 0;
  for (const float x : v) sum += static_cast<double>(x) * x;
  return std::sqrt(sum);
}

double relative(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  std::vector<float> difference;
  for (std::size_t i = 0; i < a.size(); ++i) difference.push_back(a[i] - b[i]);
  return norm(difference) / norm(b);
}

void fill_by_formula(const Parameters& parameters) {
  for (const Parameter& p : parameters) fill_one(p);
  for (const Parameter& p : parameters.buffers()) fill_one(p);
}

std::vector<float> read_golden(const std::string& folder, const std::string& name) {
  return read_npy(std::filesystem::path(KELVIN_GOLDEN_DIR) / folder / (name + ".npy")).to_float();
}

std::vector<float> thinned(const Tensor& images, std::int64_t step) {
  const std::vector<float> all = images.to_host<float>();
  const std::int64_t size = images.dim(1), channels = images.dim(3);
  std::vector<float> some;
  for (std::int64_t h = 0; h < size; h += step)
    for (std::int64_t w = 0; w < size; w += step)
      for (std::int64_t c = 0; c < channels; ++c)
        some.push_back(all[static_cast<std::size_t>((h * size + w) * channels + c)]);
  return some;
}

void expect_gradients(const Parameters& parameters, const std::vector<float>& expected) {
  std::map<std::string, const Parameter*> by_name;  // the golden's rows are sorted by name
  for (const Parameter& p : parameters) by_name[p.spec.name] = &p;
  ASSERT_EQ(expected.size(), by_name.size() * (kGoldenSamples + 1));
  double whole = 0;  // norm of the whole gradient
  for (std::size_t i = 0; i < expected.size(); i += kGoldenSamples + 1) whole = std::hypot(whole, expected[i]);
  // A shift in front of a norm has almost no gradient: what is left of its sum is the rounding of terms as large as others' gradients.
  const double rounding = 1e-7 * whole;
  std::size_t row = 0;
  for (const auto& [name, p] : by_name) {
    const std::vector<float> g = reorder(p->gradient.to_host<float>(), p->gradient.shape(), false);
    const float* const e = expected.data() + row++ * (kGoldenSamples + 1);
    ASSERT_NEAR(norm(g), e[0], 1e-4 * e[0] + rounding) << name;
    // Single entries are compared on the scale of a typical one.
    const double scale = e[0] / std::sqrt(static_cast<double>(g.size()));
    for (std::int64_t i = 0; i < kGoldenSamples; ++i) {
      const auto at = static_cast<std::size_t>(i * static_cast<std::int64_t>(g.size()) / kGoldenSamples);
      ASSERT_NEAR(g[at], e[1 + i], 1e-4 * (std::abs(e[1 + i]) + 3 * scale) + rounding) << name << " " << at;
    }
  }
}

}  // namespace kelvin::testing
