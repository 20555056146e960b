#include "models/normalisation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <regex>

#include "engine/tensor_file.h"
#include "models/wrappers.h"

namespace kelvin {
namespace {

constexpr std::pair<const char*, const char*> kHeldNames[] = {
    {"mean", "std"}, {"mu", "sigma"}, {"new_mean", "new_std"}};

std::vector<float> channels_of(const SafetensorsFile& file, const std::string& name, std::int64_t channels) {
  const SafetensorsEntry& entry = file.tensors.at(name);
  std::int64_t count = 1;
  for (const std::int64_t side : entry.shape) count *= side;
  if (!is_float_type(entry.dtype) || (count != 1 && count != channels))
    throw mistake(file.path.string(), ": ", name, " has ", count, " values of type ", entry.dtype,
                  ", no mean or std of images with ", channels, " channels; pass ", "mean"_field, " and ", "std"_field);
  std::vector<float> values = floats_of(entry);
  values.resize(static_cast<std::size_t>(channels), values.front());
  return values;
}

}  // namespace

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

std::vector<std::pair<std::string, std::string>> normalisation_names(const SafetensorsFile& file) {
  static const std::regex held(R"((\w*norm\w*\.)?(mean|mu|new_mean))");
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [name, entry] : file.tensors) {
    if (!std::regex_match(name.substr(wrapper_of(name).size()), held)) continue;
    const std::string start = name.substr(0, name.rfind('.') + 1);  // empty without a dot
    for (const auto& [mean, std] : kHeldNames)
      if (name == start + mean && file.tensors.contains(start + std)) pairs.emplace_back(name, start + std);
  }
  return pairs;
}

std::optional<HeldNormalisation> normalisation_in(const SafetensorsFile& file, int channels) {
  const auto pairs = normalisation_names(file);
  const auto outermost = std::ranges::min_element(pairs, {}, [](const auto& pair) { return pair.first.size(); });
  if (outermost == pairs.end()) return {};
  const auto& [mean, std] = *outermost;
  HeldNormalisation held{mean, std, {channels_of(file, mean, channels), channels_of(file, std, channels)}};
  for (std::size_t c = 0; c < held.values.std.size(); ++c)
    if (!std::isfinite(held.values.mean[c]) || !std::isfinite(held.values.std[c]) || !(held.values.std[c] > 0))
      throw mistake(file.path.string(), ": ", mean, " and ", std, " hold ", held.values.mean[c], " and ",
                    held.values.std[c], ", which normalise no image; pass ", "mean"_field, " and ", "std"_field);
  return held;
}

}  // namespace kelvin
