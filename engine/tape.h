// Autograd: a linear tape that is told what to watch.
//
//   Tape tape({x});                    // this scope differentiates with respect to x, and to nothing else
//   Tensor loss = f(x, parameters);    // ops record themselves
//   tape.backward(loss);               // loss has one element
//   Tensor dx = tape.gradient(x);
//
// No tape, no recording; there is no requires-grad flag anywhere. Training watches the parameters, an attack watches
// the images: the forward code is the same, and only gradients that lead to something watched are ever computed.
// Record order is the topological order. Walking back frees each step's saved activations as it is done with them.
// Tapes nest per thread; the innermost records. No double backward. Watched tensors must not be overwritten while
// their tape lives (in-place kernels of `engine/ops` check this with `Tape::is_tracked`).
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/grads.h"
#include "engine/rounded_parameters.h"

namespace kelvin {

// dy is the gradient of the recorded output, in its shape and on its device.
using Backward = std::function<void(const Tensor& dy, Grads& g)>;

// What becomes of the gradients that watched parameters already have: new ones are added, or replace them (zeros where nothing leads), so that
// nobody has to clear them. A tape replaces once: a second `backward` adds. What a tape inside it adds to the same parameters before is lost.
enum class ParameterGradients { add, replace };

class Tape {
 public:
  explicit Tape(const std::vector<Tensor>& watch);
  // Watches every parameter; their gradients go into the parameters' own flat gradient buffer.
  explicit Tape(const Parameters& parameters, ParameterGradients mode = ParameterGradients::add);
  // Watches these parameters only, their gradients as above: the rest of the model is frozen.
  explicit Tape(const std::vector<const Parameter*>& parameters, ParameterGradients mode = ParameterGradients::add);
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // Runs the recorded steps backward once, from `y` with gradient `dy` (default: 1 for a one-element y).
  void backward(const Tensor& y);
  void backward(const Tensor& y, const Tensor& dy);
  // The gradient of a watched tensor after `backward`; zeros where nothing led to it.
  [[nodiscard]] Tensor gradient(const Tensor& watched) const;

  // Whether the innermost tape of this thread follows t.
  [[nodiscard]] static bool is_tracked(const Tensor& t);

 private:
  friend class TapePause;
  friend Tensor record(const char* op, Tensor y, std::span<const Tensor> inputs, Backward backward);

  struct Step {
    int output;
    std::vector<int> inputs;
    Backward backward;
  };

  void watch(const Tensor& t, GradientKind kind, const Tensor& gradient = {});
  [[nodiscard]] int slot_of(const Tensor& t) const;  // -1: not followed

  std::unordered_map<std::uint64_t, int> slot_of_id_;
  std::vector<GradientSlot> slots_;
  std::vector<Step> steps_;
  GradientBatch batch_;
  std::optional<RoundedParameters> rounded_;
  Tape* outer_;
};

// Called by every differentiable op with its output: if an input is tracked by the innermost tape, y becomes tracked and
// `backward` is kept; otherwise y is returned as it is and `backward` (with all it captured) is dropped.
Tensor record(const char* op, Tensor y, std::span<const Tensor> inputs, Backward backward);
inline Tensor record(const char* op, Tensor y, std::initializer_list<Tensor> inputs, Backward backward) {
  return record(op, std::move(y), std::span<const Tensor>(inputs.begin(), inputs.size()), std::move(backward));
}

// While it lives, nothing is recorded on this thread, whatever tape is open.
class TapePause {
 public:
  TapePause();
  ~TapePause();
  TapePause(const TapePause&) = delete;
  TapePause& operator=(const TapePause&) = delete;

 private:
  Tape* paused_;
};

}  // namespace kelvin
