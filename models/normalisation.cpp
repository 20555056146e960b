#include "models/normalisation.h"

#include <cstddef>

namespace kelvin {

Normalisation half_normalisation(int channels) {
  const std::vector<float> half(static_cast<std::size_t>(channels), 0.5f);
  return {half, half};
}

Normalisation imagenet_normalisation(int channels) {
  Normalisation n{{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
  n.mean.resize(static_cast<std::size_t>(channels));
  n.std.resize(static_cast<std::size_t>(channels));
  return n;
}

std::optional<Normalisation> published_normalisation(const std::string& model, int channels) {
  if (model.starts_with("vit")) return half_normalisation(channels);
  for (const char* torchvisions : {"resnet18", "resnet34", "resnet50"})
    if (model == torchvisions) return imagenet_normalisation(channels);
  return {};
}

}  // namespace kelvin
