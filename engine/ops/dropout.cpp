#include "engine/ops/dropout.h"

#include "engine/tape.h"
#include "kernels/layers/dropout.h"

namespace kelvin {
namespace {

Tensor masked(const Tensor& x, const Tensor& step, const DropoutOptions& options) {
  const Tensor y = Tensor::empty_like(x);
  on_typed(x, [&]<class T>(const auto& dev, Type<T>) {
    dropout(dev, y.view<T>(), x.view<const T>(), step.view<const std::int32_t>(), options);
  });
  return y;
}

Tensor drop(const char* op, const Tensor& x, const Tensor& step, const DropoutOptions& options) {
  KELVIN_CHECK(options.rate >= 0 && options.rate < 1, op, ": rate ", options.rate, ", expected 0 <= rate < 1");
  if (options.rate == 0) return x;
  KELVIN_CHECK(step && step.size() == 1 && step.device() == x.device(), op, ": needs a step counter on its device");
  // dx = dy · m / (1 − rate), the mask drawn again
  return record(op, masked(x, step, options), {x},
                [=](const Tensor& dy, Grads& g) { g.add(0, masked(dy, step, options)); });
}

}  // namespace

Tensor dropout(const Tensor& x, float rate, const DropoutSource& source, const std::string& layer) {
  return drop("dropout", x, source.step,
              {.key = source.key(layer), .rate = rate, .first_draw = source.first_image * (x.size() / source.images)});
}

Tensor drop_path(const Tensor& x, float rate, const DropoutSource& source, const std::string& layer) {
  return drop("drop_path", x, source.step,
              {.key = source.key(layer),
               .rate = rate,
               .first_draw = source.first_image,
               .per_draw = x.size() / std::max<std::int64_t>(1, x.dim(0))});
}

}  // namespace kelvin
