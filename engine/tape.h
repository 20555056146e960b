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
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/tensor.h"

namespace kelvin {

class Parameters;
struct Parameter;
class Tape;

// The gradients an op's backward may be asked for, by the position of its inputs in `record`.
class Grads {
 public:
  // Whether input i leads to something watched: compute nothing that is not wanted.
  [[nodiscard]] bool wants(int i) const { return slots_[static_cast<std::size_t>(i)] >= 0; }
  // Adds g to the gradient of input i (does nothing when it is not wanted). g has as many elements as the input.
  void add(int i, Tensor g);
  // The same for a kernel that can add and mask as it writes. If input i is wanted, write(dx, adds, mask) is called at once: it puts
  // its gradient into dx, of `shape` (the input's) and `dtype`, or adds it to what is there (`adds`), and where `mask` is not positive it
  // leaves 0. An empty mask masks nothing; there is one where the input is rectified (`record`) and this is the last addition to its gradient.
  using Write = std::function<void(const Tensor& dx, bool adds, const Tensor& mask)>;
  void add_by(int i, const Shape& shape, DType dtype, const Write& write);
  // The float32 gradient of parameter i, as large as `input`, if wanted: write(device, gradient) is called at once and launches on `device`
  // what makes it, perhaps beside what comes next (device/side_stream.h). `reads`: what that reads, which is kept as it is until it is done.
  using WriteBeside = std::function<void(const Device& device, const Tensor& gradient)>;
  void add_beside(int i, const Tensor& input, std::vector<Tensor> reads, const WriteBeside& write);
  // Memory for the float32 gradient of input i, as large as `input`, for the op to write whole and hand to `add`: a parameter's own place
  // where nothing counts that is there (ParameterGradients::replace), so that it is not added afterwards; new memory otherwise. To be handed
  // to input i alone.
  [[nodiscard]] Tensor room_for(int i, const Tensor& input);

 private:
  friend class Tape;
  Grads(Tape& tape, const std::vector<int>& slots) : tape_(tape), slots_(slots) {}
  Tape& tape_;
  const std::vector<int>& slots_;
};

// dy is the gradient of the recorded output, in its shape and on its device.
using Backward = std::function<void(const Tensor& dy, Grads& g)>;

// What becomes of the gradients that watched parameters already have: the new ones are added, or take their place (zeros where nothing
// leads), for which nobody has to clear them first. What takes the place is the gradient of the tape's first `backward`: a second one adds to it,
// and what a tape inside it has added to the same parameters before is lost.
enum class ParameterGradients { add, replace };

struct RecordOptions {
  // y = max(z, 0), and `backward` is that of z: it is given dy·1[y > 0]. Whoever adds to dy last may mask it on the way (`Grads::add_by`);
  // otherwise the tape does.
  bool rectified = false;
};

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
  // w in another element type. On a GPU, where this thread's innermost tape watches all of a model's parameters and w is one, they are
  // converted together when the first is asked for: one launch a step and not one a layer.
  [[nodiscard]] static Tensor rounded(const Tensor& w, DType dtype);

 private:
  friend class Grads;
  friend class TapePause;
  friend Tensor record(const char* op, Tensor y, std::span<const Tensor> inputs, Backward backward,
                       RecordOptions options);

  struct Slot {
    Shape shape;
    DType dtype = DType::f32;
    Device device;
    Tensor gradient;                       // empty until something is added
    bool is_watched = false;               // keeps its gradient after the walk
    const Parameter* parameter = nullptr;  // whose own gradient this is: it stays where it is
    bool is_open = false;                  // a parameter's, and what is there does not count
    Tensor mask;                           // of a rectified output: itself, until its gradient has been masked
    int uses = 0;                          // as an input of steps that have not been walked back
  };
  struct Step {
    const char* op;
    int output;
    std::vector<int> inputs;
    Backward backward;
  };

  void watch(const Tensor& t);
  void watch(const Parameter& p, ParameterGradients mode);
  [[nodiscard]] int slot_of(const Tensor& t) const;  // -1: not followed
  void add_gradient(int slot, Tensor g);
  void add_gathered();
  void join_beside();
  void clear_open();

  std::unordered_map<std::uint64_t, int> slot_of_id_;
  std::vector<Slot> slots_;
  std::vector<Step> steps_;
  std::unordered_map<const Parameters*, Tensor> rounded_;  // all values of a model
  std::vector<std::pair<int, Tensor>> gathered_;  // small gradients of parameters, by slot: to be added all at once
  std::vector<Tensor> beside_;                    // what the work beside this walk reads
  Tape* outer_;
};

// Called by every differentiable op with its output: if an input is tracked by the innermost tape, y becomes tracked and
// `backward` is kept; otherwise y is returned as it is and `backward` (with all it captured) is dropped.
Tensor record(const char* op, Tensor y, std::span<const Tensor> inputs, Backward backward, RecordOptions options = {});
inline Tensor record(const char* op, Tensor y, std::initializer_list<Tensor> inputs, Backward backward,
                     RecordOptions options = {}) {
  return record(op, std::move(y), std::span<const Tensor>(inputs.begin(), inputs.size()), std::move(backward), options);
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
