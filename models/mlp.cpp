#include "models/mlp.h"

#include "engine/ops/activation.h"
#include "engine/ops/linear.h"
#include "engine/ops/pooling.h"

namespace kelvin {
namespace {

constexpr std::int64_t kHidden = 256;

}  // namespace

Mlp::Dense Mlp::declare_dense(const std::string& name, std::int64_t in, std::int64_t out) {
  return {&parameters().add({name + ".weight", {out, in}, fan_in_uniform(in)}),
          &parameters().add({name + ".bias", {out}, fan_in_uniform(in)})};
}

Mlp::Mlp(ModelSpec spec) : Model(std::move(spec)) {
  const ModelSpec& s = this->spec();
  first_ = declare_dense("fc1", static_cast<std::int64_t>(s.input_height()) * s.input_width() * s.channels, kHidden);
  second_ = declare_dense("fc2", kHidden, kHidden);
  declare_prototypes("fc", kHidden, /*decays_bias=*/true);
}

Tensor Mlp::features(const Tensor& images, Mode) {
  Tensor x = normalize(images);
  x = x.reshape({x.dim(0), x.size() / x.dim(0)});
  x = relu(linear(x, first_.weight->value, first_.bias->value));
  x = relu(linear(x, second_.weight->value, second_.bias->value));
  return global_avg_pool(x.reshape({x.dim(0), 1, 1, kHidden}));  // over one pixel: to float32, as features are
}

}  // namespace kelvin
