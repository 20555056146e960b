// One op, described once; the runner (op_case_runner.cpp) derives every check from it:
//   gradient   float32 CPU gradient of every input against central differences, in random directions
//   precision  the bfloat16 op against the float32 op on the same (bfloat16-representable) inputs, forward and gradients
//   subsets    the gradients of each subset of the inputs equal those of the full set, bit for bit
//   sentinels  no input changes, and nothing is written outside any tensor (the pool frames every block with guards)
//   threads    one thread and several give the same bits
//   cuda       the CUDA device, real or emulated, against the CPU, forward and every gradient (cuda_parity_test.cpp)
// Results are checked for NaN before they are compared. New memory is filled with NaN, so that the use of uninitialised values fails.
//
// Add a case: append to the list of a `*_cases.cpp` file in this folder. Shapes should include sizes of 1, 31, 33, 257
// and others that are no multiple of a vector width.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace kelvin::testing {

struct OpInput {
  Shape shape;
  float low = -1.0f, high = 1.0f;  // drawn uniformly: never constant, never all zero
  bool differentiable = true;      // false: given to the op, not watched
  bool keeps_float32 = false;      // stays float32 in the bfloat16 variant (parameters, statistics, losses)
  bool is_integer = false;         // int32, drawn from low (inclusive) to high (exclusive); set differentiable = false
  bool is_distinct = false;       // evenly spaced values in random order: no two candidates of a maximum are ever equal
  std::vector<float> avoid = {};  // kinks: values closer than `kink_distance` are moved away
};

struct OpCase {
  std::string name;
  std::vector<OpInput> inputs = {};
  std::function<Tensor(const std::vector<Tensor>&)> op = {};
  bool has_bfloat16 = true;
  float step = 1e-2f;                // central-difference step relative to the input's range
  float gradient_tolerance = 1e-2f;  // relative, of a directional derivative; float32 differences are no better
  float kink_distance = 0.05f;       // how far inputs stay from the values in OpInput::avoid
  bool has_kinks = false;            // inside the op, not at its inputs: bfloat16 may be on the other side of a kink
  double cancellation = 1;       // ratio of the terms to the gradient that is their sum: a factor of the rounding error
  bool any_thread_count = true;  // false: a library decides the summation order (said in the op's header)
};

void PrintTo(const OpCase& c, std::ostream* out);  // the case's name in test listings

// The inputs of a case, drawn from Philox by the case's name. `rounded`: to values that bfloat16 holds exactly.
[[nodiscard]] std::vector<Tensor> draw_inputs(const OpCase& c, DType dtype = DType::f32, bool rounded = false);

using Floats = std::vector<float>;

struct OpResult {
  Floats y;
  std::vector<Floats> gradients;  // of the watched inputs, in order
};
// Runs the op forward and backward on the inputs' device, watching the inputs whose bit is set in `mask`.
[[nodiscard]] OpResult run_case(const OpCase& c, const std::vector<Tensor>& inputs, unsigned mask = ~0u);

// The cotangent of an output in run_case, drawn by the case's name.
[[nodiscard]] Tensor cotangent_for(const OpCase& c, const Tensor& y);
// Random numbers in [low, high) from their own stream.
[[nodiscard]] Floats draw(std::int64_t n, const std::string& stream, float low, float high);
[[nodiscard]] Floats floats_of(const Tensor& t);
// A tensor of these values that begins `offset` elements into its memory: where its address allows 16-byte accesses or does not.
[[nodiscard]] Tensor begins_at(std::int64_t offset, const Floats& values, Shape shape, Device device,
                               DType dtype = DType::f32);
[[nodiscard]] double dot(const Floats& a, const Floats& b);
[[nodiscard]] bool is_finite(const Floats& values);
[[nodiscard]] double relative_error(const Floats& a, const Floats& b);  // ‖a − b‖ / ‖b‖

// Lists of the `*_cases.cpp` files.
std::vector<OpCase> convolution_cases();
std::vector<OpCase> matmul_cases();
std::vector<OpCase> transformer_cases();
std::vector<OpCase> norm_cases();
std::vector<OpCase> elementwise_cases();
std::vector<OpCase> pooling_cases();
std::vector<OpCase> loss_cases();
std::vector<OpCase> adversarial_cases();
std::vector<OpCase> regularization_cases();
std::vector<OpCase> all_op_cases();

}  // namespace kelvin::testing
