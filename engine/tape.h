// Autograd: a linear tape that differentiates with respect to the tensors it watches.
//
//   Tape tape({x});                    // this scope differentiates with respect to x only
//   Tensor loss = f(x, parameters);    // ops record themselves
//   tape.backward(loss);               // loss has one element
//   Tensor dx = tape.gradient(x);
//
// Without a tape nothing is recorded; tensors have no requires-grad flag. Training watches the parameters, an attack watches the
// images: the forward code is the same, and only gradients that are needed for watched tensors are computed. The order of
// recording is the topological order. The backward pass frees each step's saved activations after use. Tapes nest per thread;
// the innermost one records. There is no double backward. Watched tensors must not be overwritten while their tape exists
// (in-place kernels of `engine/ops` check this with `Tape::is_tracked`).
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/final_gradients.h"
#include "engine/grads.h"
#include "engine/rounded_parameters.h"

namespace kelvin {

// dy is the gradient of the recorded output, in its shape and on its device. If it is the sole owner of its memory, the function may overwrite
// it.
using Backward = std::function<void(const Tensor& dy, Grads& g)>;

// Whether `backward` adds to the gradients that watched parameters already have or replaces them, so that they need no clearing (a parameter
// that the loss does not depend on gets zeros). A tape replaces once: a second `backward` adds. Gradients that a nested tape has added to the same
// parameters before are lost.
enum class ParameterGradients { add, replace };

class Tape {
 public:
  explicit Tape(const std::vector<Tensor>& watch);
  // Watches every parameter; the gradients go to the parameters' flat gradient buffer.
  explicit Tape(const Parameters& parameters, ParameterGradients mode = ParameterGradients::add);
  // Watches only these parameters, with gradients as above: the rest of the model is frozen.
  explicit Tape(const std::vector<const Parameter*>& parameters, ParameterGradients mode = ParameterGradients::add);
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // Runs the recorded steps backward once, from `y` with gradient `dy` (default: 1 for a one-element y).
  void backward(const Tensor& y);
  // `tell` learns of each watched parameter's gradient when it is final, unless no step uses it.
  void backward(const Tensor& y, const Tensor& dy, const TellFinal& tell = {});
  // The gradient of a watched tensor after `backward`; zeros where y does not depend on it.
  [[nodiscard]] Tensor gradient(const Tensor& watched) const;

  // Whether the innermost tape of this thread tracks t: it is watched, or depends on a watched tensor.
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
  [[nodiscard]] int slot_of(const Tensor& t) const;  // -1: not tracked

  std::unordered_map<std::uint64_t, int> slot_of_id_;
  std::vector<GradientSlot> slots_;
  std::vector<Step> steps_;
  GradientBatch batch_;
  std::optional<RoundedParameters> rounded_;
  Tape* outer_;
};

// Called by every differentiable op with its output: if an input is tracked by the innermost tape, y becomes tracked and
// `backward` is kept; otherwise y is returned unchanged and `backward`, with all that it captured, is freed.
Tensor record(const char* op, Tensor y, std::span<const Tensor> inputs, Backward backward);
inline Tensor record(const char* op, Tensor y, std::initializer_list<Tensor> inputs, Backward backward) {
  return record(op, std::move(y), std::span<const Tensor>(inputs.begin(), inputs.size()), std::move(backward));
}

// While one exists, no tape of this thread records.
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
