#include "models/model.h"

#include "engine/ops/input_normalize.h"
#include "engine/ops/linear.h"
#include "engine/ops/resize.h"
#include "engine/ops/scaling.h"

namespace kelvin {

void Model::declare_prototypes(const std::string& name, std::int64_t d, bool decays_bias) {
  prototypes_ = &parameters_.add({name + ".weight", {spec_.classes, d}, fan_in_uniform(d)});
  prototype_bias_ = spec_.classifier == "cosine"
                        ? &parameters_.add_buffer({name + ".bias", {spec_.classes}, constant_init(0)})
                        : &parameters_.add({name + ".bias", {spec_.classes}, fan_in_uniform(d), decays_bias});
}

Tensor Model::logits(const Tensor& features) const {
  if (spec_.classifier == "cosine")
    return linear(normalize_rows(features, static_cast<float>(spec_.cosine_scale)),
                  normalize_rows(prototypes_->value, 1.0f), {});
  return linear(features, prototypes_->value, prototype_bias_->value);
}

Tensor Model::normalize(const Tensor& images) const {
  KELVIN_CHECK(images.shape().rank() == 4 && images.dim(1) == spec_.height && images.dim(2) == spec_.width &&
                   images.dim(3) == spec_.channels,
               spec_.name, " was built for images [N, ", spec_.height, ", ", spec_.width, ", ", spec_.channels,
               "], got ", images.shape());
  return input_normalize(resize_bilinear(images, spec_.input_height(), spec_.input_width()), mean_, std_,
                         spec_.precision);
}

void Model::set_dropout_step(std::int64_t step, std::int64_t first_image, std::int64_t images) {
  if (spec_.dropout == 0 && spec_.drop_path == 0) return;  // nobody reads it
  const auto number = static_cast<std::int32_t>(step);
  dropout_source_.step.copy_from_host(std::span<const std::int32_t>(&number, 1));
  dropout_source_.first_image = first_image;
  dropout_source_.images = images;
}

}  // namespace kelvin
