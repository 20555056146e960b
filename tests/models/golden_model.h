// Models filled by the formula of tools/golden/formula.py, and the comparison with PyTorch's results for the same weights.
#pragma once

#include <string>
#include <vector>

#include "models/model.h"

namespace kelvin::testing {

inline constexpr std::int64_t kGoldenSamples = 16;  // entries of each gradient in a golden

// offset + scale u, u a multiple of 2^-22 in [−1, 1): exact in float32 for the scales and offsets used here.
[[nodiscard]] std::vector<float> formula(const std::string& name, std::int64_t n, double scale, double offset);
// Every parameter and buffer, by its name.
void fill_by_formula(const Parameters& parameters);

[[nodiscard]] double norm(const std::vector<float>& v);
// ‖a − b‖ / ‖b‖
[[nodiscard]] double relative(const std::vector<float>& a, const std::vector<float>& b);
// tests/golden/<folder>/<name>.npy
[[nodiscard]] std::vector<float> read_golden(const std::string& folder, const std::string& name);
// Every step-th pixel in both directions of the first of square images [N, H, W, C].
[[nodiscard]] std::vector<float> thinned(const Tensor& images, std::int64_t step);
// Expects every parameter's gradient to agree to 1e-4 with the golden's rows: norm, then samples, sorted by name.
void expect_gradients(const Parameters& parameters, const std::vector<float>& expected);

}  // namespace kelvin::testing
