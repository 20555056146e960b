#include "apps/report/examples.h"

#include <algorithm>

#include "apps/report/base64.h"
#include "data/png_writer.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

std::string png_of(const Tensor& images, std::int64_t i) {
  const std::vector<float> pixels = images.narrow(i, 1).to_host<float>();
  return base64(png_bytes({pixels.data(), {images.dim(1), images.dim(2), images.dim(3)}}));
}

}  // namespace

void ExampleStrip::add(std::int64_t first, const Tensor& clean, const Tensor& adversarial) {
  for (std::int64_t i = 0; i < clean.dim(0) && static_cast<std::size_t>(first + i) < size_; ++i)
    examples_.push_back({first + i, png_of(clean, i), png_of(adversarial, i)});
}

nlohmann::json ExampleStrip::to_json(const AttackResult& result) const {
  nlohmann::json list = nlohmann::json::array();
  for (const Example& e : examples_) {
    const AttackedImage& image = result.images[static_cast<std::size_t>(e.index)];
    list.push_back({{"index", e.index},
                    {"label", image.label},
                    {"clean_prediction", image.clean_prediction},
                    {"adversarial_prediction", image.adversarial_prediction},
                    {"clean_png", e.clean_png},
                    {"adversarial_png", e.adversarial_png}});
  }
  const std::string own = list.dump();
  std::vector<nlohmann::json> all;
  for (const Bytes& bytes : processes().gather(std::as_bytes(std::span(own)), "the examples of an attack"))
    for (nlohmann::json& example : nlohmann::json::parse(reinterpret_cast<const char*>(bytes.data()),
                                                         reinterpret_cast<const char*>(bytes.data()) + bytes.size()))
      all.push_back(std::move(example));
  std::ranges::sort(all, {}, [](const nlohmann::json& e) { return e.at("index").get<std::int64_t>(); });
  return all;
}

}  // namespace kelvin
