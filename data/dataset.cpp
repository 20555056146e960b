#include "data/dataset.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>

#include "data/cifar.h"
#include "data/cifar10_1.h"
#include "data/fashion_mnist.h"
#include "data/hold_out.h"
#include "data/image_folders.h"
#include "data/imagenet.h"
#include "data/npy_dataset.h"
#include "data/synthetic.h"
#include "engine/printable.h"
#include "kernels/device/error.h"
#include "kernels/device/listed.h"
#include "kernels/device/parallel.h"

namespace kelvin {
namespace {

using Loader = std::function<Dataset(const std::string& where, const DatasetOptions&)>;

// To add a set: a loader of this form in a file of its own, and a line here.
const std::map<std::string, Loader>& loaders() {
  static const std::map<std::string, Loader> all = {
      {"cifar10", load_cifar10},
      {"cifar10.1", load_cifar10_1},
      {"cifar100", load_cifar100},
      {"fashion-mnist", load_fashion_mnist},
      {"folder", load_image_folder},
      {"imagenet", load_imagenet},
      {"npy", load_npy_dataset},
      {"synthetic", load_synthetic},
      {"tiny-imagenet", load_tiny_imagenet},
  };
  return all;
}

std::string known_names() {
  return listed(loaders(), [](const auto& entry) { return entry.first; });
}

void require_images(const std::string& spec, Half half, const ImageSet& set, const char* name) {
  if (half == Half::required && set.count == 0)
    throw mistake("data"_field, " ", spec, ": holds no ", name, " images, and they are needed here");
}

}  // namespace

void ImageSet::copy_image(std::int64_t i, float* out) const {
  const auto from_bytes = [&](const std::uint8_t* from) {
    std::transform(from, from + pixels(), out, [](std::uint8_t v) { return static_cast<float>(v) / 255.0f; });
  };
  if (!floats.empty()) {
    std::copy_n(floats.begin() + i * pixels(), pixels(), out);
  } else if (reader) {
    std::vector<std::uint8_t> image(static_cast<std::size_t>(pixels()));
    reader(i, image.data());
    from_bytes(image.data());
  } else {
    from_bytes(bytes.data() + i * pixels());
  }
}

void ImageSet::copy_image(std::int64_t i, std::uint8_t* out) const {
  const std::int64_t at = i * pixels();
  if (reader) {
    reader(i, out);
  } else if (!bytes.empty()) {
    std::copy_n(bytes.begin() + at, pixels(), out);
  } else {
    std::transform(floats.begin() + at, floats.begin() + at + pixels(), out,
                   [](float v) { return static_cast<std::uint8_t>(std::lround(v * 255.0f)); });
  }
}

void ImageSet::copy_images(std::span<const std::int64_t> rows, float* out) const {
  const std::int64_t cost = reader ? kParallelGrain : pixels();  // an image to decode is worth a thread
  for_each_element(
      std::ssize(rows), [&](std::int64_t k) { copy_image(rows[static_cast<std::size_t>(k)], out + k * pixels()); },
      cost);
}

ImageSet ImageSet::first(std::int64_t n) const {
  if (n <= 0 || n >= count) return *this;
  ImageSet part{n, height, width, channels, {}, {}, {labels.begin(), labels.begin() + n}, reader};
  if (!bytes.empty()) part.bytes.assign(bytes.begin(), bytes.begin() + n * pixels());
  if (!floats.empty()) part.floats.assign(floats.begin(), floats.begin() + n * pixels());
  return part;
}

ImageSet ImageSet::from(std::int64_t n) const {
  const std::int64_t begin = std::clamp<std::int64_t>(n, 0, count);
  ImageSet part{count - begin, height, width, channels, {}, {}, {labels.begin() + begin, labels.end()}};
  if (!bytes.empty()) part.bytes.assign(bytes.begin() + begin * pixels(), bytes.end());
  if (!floats.empty()) part.floats.assign(floats.begin() + begin * pixels(), floats.end());
  if (reader) part.reader = [all = reader, begin](std::int64_t i, std::uint8_t* out) { all(begin + i, out); };
  return part;
}

ImageSet ImageSet::select(const std::vector<std::int64_t>& rows) const {
  ImageSet part{static_cast<std::int64_t>(rows.size()), height, width, channels, {}, {}, {}};
  const auto take = [&rows](const auto& from, auto& to, std::int64_t size) {
    if (from.empty()) return;
    to.reserve(rows.size() * static_cast<std::size_t>(size));
    for (const std::int64_t row : rows) to.insert(to.end(), from.begin() + row * size, from.begin() + (row + 1) * size);
  };
  take(bytes, part.bytes, pixels());
  take(floats, part.floats, pixels());
  take(labels, part.labels, 1);
  if (reader)
    part.reader = [all = reader, rows](std::int64_t i, std::uint8_t* out) {
      all(rows[static_cast<std::size_t>(i)], out);
    };
  return part;
}

Dataset load_dataset(const std::string& spec, const DatasetOptions& options) {
  const std::size_t colon = spec.find(':');
  const std::string name = spec.substr(0, colon), where = colon == std::string::npos ? "" : spec.substr(colon + 1);
  const auto loader = loaders().find(name);
  if (loader == loaders().end()) throw mistake("data"_field, " ", name, " is unknown; known: ", known_names());
  if (!options.images.empty() && name != "imagenet")
    throw mistake("images"_field, " lists images of imagenet; ", name, " is taken whole, or its first by a limit");
  Dataset set = loader->second(where, options);
  set.name = name;
  require_images(spec, options.train, set.train, "training");
  require_images(spec, options.test, set.test, "test");
  for (std::string& class_name : set.class_names) class_name = escape_bytes(class_name);  // of folders: any bytes
  set.test_count = set.test.count;
  set.train = set.train.first(options.train_limit);
  set.test = set.test.first(options.test_limit);
  if (options.validation > 0) hold_out(set, options.validation, options.seed);
  return set;
}

std::string with_absolute_path(const std::string& spec) {
  const std::size_t colon = spec.find(':');
  if (colon == std::string::npos || colon + 1 == spec.size() || spec.starts_with("synthetic:")) return spec;
  return spec.substr(0, colon + 1) + std::filesystem::absolute(spec.substr(colon + 1)).lexically_normal().string();
}

void measure_normalization(const ImageSet& set, std::vector<float>& mean, std::vector<float>& std) {
  const auto channels = static_cast<std::size_t>(set.channels);
  std::vector<double> sum(channels), squares(channels);
  std::vector<float> image(static_cast<std::size_t>(set.pixels()));
  for (std::int64_t i = 0; i < set.count; ++i) {
    set.copy_image(i, image.data());
    for (std::size_t p = 0; p < image.size(); ++p) {
      sum[p % channels] += image[p];
      squares[p % channels] += static_cast<double>(image[p]) * image[p];
    }
  }
  const double n = static_cast<double>(set.count * set.height * set.width);
  mean.assign(channels, 0.0f);
  std.assign(channels, 1.0f);
  for (std::size_t c = 0; c < channels; ++c) {
    mean[c] = static_cast<float>(sum[c] / n);
    const double variance = squares[c] / n - (sum[c] / n) * (sum[c] / n);
    if (variance > 1e-12) std[c] = static_cast<float>(std::sqrt(variance));
  }
}

}  // namespace kelvin
