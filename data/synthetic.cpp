#include "data/synthetic.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "kernels/device/error.h"
#include "kernels/device/listed.h"
#include "kernels/device/philox.h"

namespace kelvin {
namespace {

// Parses "key=value,key=value" over the defaults; throws a mistake on unknown keys and bad values.
std::map<std::string, double> parse_options(const std::string& text) {
  std::map<std::string, double> options = {{"classes", 10}, {"size", 8},    {"channels", 1},
                                           {"train", 5000}, {"test", 1000}, {"overlap", 0.001}};
  for (const std::string& item : parts_of(text, ',')) {
    const std::size_t equals = item.find('=');
    const std::string key = item.substr(0, equals), value = equals == std::string::npos ? "" : item.substr(equals + 1);
    if (!options.contains(key))
      throw mistake("data"_field, " synthetic: unknown option '", key,
                    "'; known: classes, size, channels, train, test, overlap");
    double& number = options[key];
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || !std::isfinite(number))
      throw mistake("data"_field, " synthetic: ", key, "='", value, "' is no number");
  }
  const auto require = [&](const char* key, double low, double high) {
    if (options[key] < low || options[key] > high)
      throw mistake("data"_field, " synthetic: ", key, "=", options[key], ", expected ", low, " to ", high);
  };
  for (const char* key : {"classes", "size", "train", "test"})
    if (options[key] != std::floor(options[key]))
      throw mistake("data"_field, " synthetic: ", key, "=", options[key], " is no whole number");
  require("classes", 2, 1000);
  require("size", 1, 256);
  require("train", 0, 1e7);
  require("test", 0, 1e7);
  require("overlap", 1e-9, 0.49);
  if (options["channels"] != 1 && options["channels"] != 3)
    throw mistake("data"_field, " synthetic: channels must be 1 or 3");
  return options;
}

// x with Q(x) = p, by bisection: Q is the upper tail of the standard normal.
double inverse_tail(double p) {
  double low = 0, high = 10;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(middle / std::sqrt(2.0)) > p ? low : high) = middle;
  }
  return low;
}

ImageSet draw_set(const std::string& half, std::int64_t count, const ImageSet& like, const std::vector<float>& means,
                  int classes, float sigma, std::uint64_t seed) {
  ImageSet set{count, like.height, like.width, like.channels, {}, {}, {}};
  const std::int64_t d = set.pixels();
  set.floats.resize(static_cast<std::size_t>(count * d));
  const RandomKey key{seed, random_stream("synthetic/" + half)};
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int32_t>(i % classes);
    set.labels.push_back(label);
    for (std::int64_t p = 0; p < d; ++p) {
      const auto at = static_cast<std::uint64_t>(i * d + p);
      const auto bits = philox(key, at / 2);
      const float noise = normal_pair(bits[0], bits[1])[at % 2];
      set.floats[at] = std::clamp(means[static_cast<std::size_t>(label * d + p)] + sigma * noise, 0.0f, 1.0f);
    }
  }
  return set;
}

}  // namespace

Dataset load_synthetic(const std::string& text, const DatasetOptions& dataset_options) {
  auto options = parse_options(text);
  const int classes = static_cast<int>(options["classes"]);
  ImageSet like;
  like.height = like.width = static_cast<std::int64_t>(options["size"]);
  like.channels = static_cast<std::int64_t>(options["channels"]);
  const std::int64_t d = like.pixels();
  const std::uint64_t seed = dataset_options.seed;

  std::vector<float> means(static_cast<std::size_t>(classes * d));
  const RandomKey key{seed, random_stream("synthetic/means")};
  for (std::size_t i = 0; i < means.size(); ++i) means[i] = 0.25f + 0.5f * uniform01(philox(key, i / 4)[i % 4]);
  // Two coordinates uniform in an interval of length 1/2 differ by 1/24 in mean square.
  const double distance = std::sqrt(static_cast<double>(d) / 24.0);
  const auto sigma = static_cast<float>(distance / (2 * inverse_tail(options["overlap"])));

  Dataset set;
  if (dataset_options.train != Half::skip)
    set.train = draw_set("train", static_cast<std::int64_t>(options["train"]), like, means, classes, sigma, seed);
  if (dataset_options.test != Half::skip)
    set.test = draw_set("test", static_cast<std::int64_t>(options["test"]), like, means, classes, sigma, seed);
  set.classes = classes;
  for (int c = 0; c < classes; ++c) set.class_names.push_back("class " + std::to_string(c));
  set.mean.assign(static_cast<std::size_t>(like.channels), 0.5f);
  set.std.assign(static_cast<std::size_t>(like.channels), 0.25f);
  return set;
}

}  // namespace kelvin
