#include "apps/attacks/targets.h"

#include <span>

#include "kernels/device/philox.h"

namespace kelvin {
namespace {

std::int32_t random_target(const RandomKey& key, std::int32_t index, std::int32_t classes, std::int32_t label) {
  const auto bits = philox(key, static_cast<std::uint64_t>(index));
  const auto target = static_cast<std::int32_t>(uniform_below(bits[0], static_cast<std::uint32_t>(classes - 1)));
  return target + (target >= label ? 1 : 0);
}

// The class with the highest sign·logit, without the label; of equal ones the first.
std::int32_t extreme_target(std::span<const float> z, float sign, std::int32_t label) {
  std::int32_t target = label == 0 ? 1 : 0;
  for (std::int32_t j = 0; j < static_cast<std::int32_t>(z.size()); ++j)
    if (j != label && sign * z[static_cast<std::size_t>(j)] > sign * z[static_cast<std::size_t>(target)]) target = j;
  return target;
}

}  // namespace

std::vector<std::int32_t> choose_targets(Model& model, const TensorBatch& batch, const AttackOptions& o) {
  if (o.targeting == Targeting::none || o.targeting == Targeting::all) return {};
  const bool goes_by_logits = o.targeting == Targeting::least_likely || o.targeting == Targeting::second_most_likely;
  const std::vector<float> logits =
      goes_by_logits ? model.forward(batch.images, Mode::eval).to_host<float>() : std::vector<float>();
  const auto labels = batch.labels.to_host<std::int32_t>(), indices = batch.indices.to_host<std::int32_t>();
  const std::int32_t classes = model.spec().classes;
  const auto row = [&](std::size_t i) {
    return std::span(logits).subspan(i * static_cast<std::size_t>(classes), static_cast<std::size_t>(classes));
  };
  const RandomKey key{o.seed, random_stream("random_target")};
  std::vector<std::int32_t> targets;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    switch (o.targeting) {
      case Targeting::fixed: targets.push_back(o.target_class); break;
      case Targeting::random: targets.push_back(random_target(key, indices[i], classes, labels[i])); break;
      case Targeting::least_likely: targets.push_back(extreme_target(row(i), -1.0f, labels[i])); break;
      default: targets.push_back(extreme_target(row(i), 1.0f, labels[i]));
    }
  }
  return targets;
}

Tensor goals_of(const TensorBatch& batch, const std::vector<std::int32_t>& targets) {
  if (targets.empty()) return batch.labels;
  return Tensor::from_host<std::int32_t>(targets, batch.labels.shape(), batch.labels.device());
}

}  // namespace kelvin
