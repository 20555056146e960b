// The parameters and buffers of a model: named views into flat device buffers.
//
// Values, gradients and optimizer state each lie in one buffer, so that the optimizer step, the gradient norm and an
// all-reduce are one call each. A parameter is known by its name, never by its position.
//
//   Parameters p;
//   const Parameter& w = p.add({"conv1.weight", {64, 3, 3, 3}, fan_in_uniform(27)});   // declared: no memory yet
//   p.allocate(device, seed);                                                          // w.value, w.gradient exist
//
// References returned by `add` stay valid for the life of the Parameters object.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace kelvin {

// Initial values of a parameter: constant `a`, uniform in [a, b), or normal with mean a and standard deviation b.
struct Init {
  enum class Kind { constant, uniform, normal } kind = Kind::constant;
  float a = 0, b = 0;
};
[[nodiscard]] Init constant_init(float value);
// U(-1/sqrt(fan_in), 1/sqrt(fan_in)): PyTorch's default for conv and linear weights and biases.
[[nodiscard]] Init fan_in_uniform(std::int64_t fan_in);

// Every parameter begins at a multiple of as many elements in the flat buffers: 256 bytes of float32, for which cuBLASLt has all its algorithms.
inline constexpr std::int64_t kParameterAlignment = 64;

struct ParameterSpec {
  std::string name;
  Shape shape;
  Init init;
  bool weight_decay = true;  // whether the optimizer's weight decay acts on it
};

// Whether no element is NaN or infinite; reads device memory.
[[nodiscard]] bool is_finite(const Tensor& t);

class Parameters;

struct Parameter {
  ParameterSpec spec;
  const Parameters* owner = nullptr;
  Tensor value;             // float32, a view into the flat values
  Tensor gradient;          // float32, a view into the flat gradients; empty for a buffer
  std::int64_t offset = 0;  // where it begins in its flat buffer, in elements
};

class Parameters {
 public:
  Parameters() = default;
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;

  // Declares a trained parameter; throws on a name used before or after `allocate`.
  const Parameter& add(ParameterSpec spec);
  // Declares a tensor that is saved with the model but not trained (BatchNorm running statistics).
  const Parameter& add_buffer(ParameterSpec spec);
  // Makes the flat buffers and draws initial values: Philox stream "init/<name>", so that a parameter's start depends
  // on seed and name alone.
  void allocate(Device device, std::uint64_t seed);

  [[nodiscard]] std::size_t size() const { return parameters_.size(); }
  [[nodiscard]] auto begin() const { return parameters_.begin(); }
  [[nodiscard]] auto end() const { return parameters_.end(); }
  [[nodiscard]] const std::deque<Parameter>& buffers() const { return buffers_; }
  [[nodiscard]] const Parameter* find(const std::string& name) const;  // parameter or buffer; nullptr: unknown

  // Flat float32 buffers. Parameters with weight decay come first: elements [0, decayed()) decay, the rest do not.
  // Gaps between parameters (alignment to 256 bytes) are zero in values and gradients and stay zero.
  [[nodiscard]] const Tensor& values() const { return values_; }
  [[nodiscard]] const Tensor& gradients() const { return gradients_; }
  [[nodiscard]] const Tensor& buffer_values() const { return buffer_values_; }
  [[nodiscard]] std::int64_t decayed() const { return decayed_; }
  [[nodiscard]] std::int64_t count() const;  // trained scalars, without gaps
  void zero_gradients() const;
  // A mistake that names the first tensor of the file at `path` which is not finite.
  void require_finite(const std::string& path) const;
  [[nodiscard]] bool are_finite() const;  // all values, and those of the buffers; reads device memory

 private:
  std::deque<Parameter> parameters_, buffers_;
  Tensor values_, gradients_, buffer_values_;
  std::int64_t decayed_ = 0;
};

}  // namespace kelvin
