#include "engine/ops/checkpointed.h"

#include "engine/tape.h"

namespace kelvin {

Tensor checkpointed(const Tensor& x, const std::vector<Tensor>& parameters,
                    const std::function<Tensor(const Tensor&)>& f) {
  std::vector<Tensor> inputs = {x};
  inputs.insert(inputs.end(), parameters.begin(), parameters.end());
  const Tensor y = [&] {
    const TapePause pause;
    return f(x);
  }();
  // (dx, dp) = vector-Jacobian product of f at x, by a tape of its own
  return record("checkpointed", y, inputs, [=](const Tensor& dy, Grads& g) {
    std::vector<Tensor> wanted;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (g.wants(static_cast<int>(i))) wanted.push_back(inputs[i]);
    Tape tape(wanted);
    tape.backward(f(x), dy);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (g.wants(static_cast<int>(i))) g.add(static_cast<int>(i), tape.gradient(inputs[i]));
  });
}

}  // namespace kelvin
