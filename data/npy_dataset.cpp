#include "data/npy_dataset.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iomanip>

#include "data/npy.h"
#include "engine/input_file.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

constexpr std::int64_t kMaxClasses = 1'000'000;

void require_float_pixels(const NpyArray& images) {
  if (images.type[0] != 'f')
    throw mistake(images.path.string(), ": pixels of type ", images.type, ", expected uint8 or float");
}

// What the header says; the pixels are still to be read.
ImageSet set_for(const NpyArray& images) {
  if (images.shape.size() != 4)
    throw mistake(images.path.string(), ": shape ", images.shape_text(), ", expected (N, H, W, C)");
  if (images.size() == 0) throw mistake(images.path.string(), ": shape ", images.shape_text(), " holds no images");
  ImageSet set{images.shape[0], images.shape[1], images.shape[2], images.shape[3], {}, {}, {}};
  if (set.channels != 1 && set.channels != 3)
    throw mistake(images.path.string(), ": ", set.channels,
                  " channels, expected 1 or 3 in the last dimension of (N, H, W, C)");
  if (images.type != "u1") require_float_pixels(images);
  return set;
}

void fill_images(ImageSet& set, const Path& path) {
  const NpyArray images = read_npy(path);
  if (images.type == "u1") {
    const auto* const first = reinterpret_cast<const std::uint8_t*>(images.bytes.data());
    set.bytes.assign(first, first + images.bytes.size());
  } else {
    set.floats = float_pixels(images);
  }
  const std::size_t got = set.bytes.size() + set.floats.size();
  if (got != static_cast<std::size_t>(set.count * set.pixels()))
    throw mistake(path.string(), ": changed while it was read");
}

void fill_labels(ImageSet& set, const Path& path, const Path& images_path, std::int64_t classes) {
  const NpyArray header = read_npy_header(path);
  if (header.shape.size() != 1) throw mistake(path.string(), ": shape ", header.shape_text(), ", expected (N,)");
  if (header.shape[0] != set.count)
    throw mistake(path.string(), ": ", header.shape[0], " labels for ", set.count, " images in ", images_path.string());
  const NpyArray labels = read_npy(path);
  for (const std::int64_t label : labels.to_int()) {
    if (label < 0 || label >= classes)
      throw mistake(labels.path.string(), ": label ", label, " at row ", set.labels.size(), ", expected 0 to ",
                    classes - 1);
    set.labels.push_back(static_cast<std::int32_t>(label));
  }
}

ImageSet load_arrays(const Path& folder, const std::string& half, Half wanted) {
  const Path images = folder / (half + "_images.npy"), labels = folder / (half + "_labels.npy");
  if (wanted == Half::skip || (wanted == Half::optional && !is_there(images) && !is_there(labels))) return {};
  return read_npy_half(images, labels, kMaxClasses);
}

}  // namespace

std::vector<float> float_pixels(const NpyArray& images) {
  require_float_pixels(images);
  std::vector<float> pixels = images.to_float();
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    if (pixels[i] >= 0.0f && pixels[i] <= 1.0f) continue;
    const std::size_t an_image = pixels.size() / static_cast<std::size_t>(images.shape[0]);
    throw mistake(images.path.string(), ": image ", i / an_image, ", element ", i % an_image, " is ",
                  std::setprecision(9), pixels[i], ", expected floats in [0, 1]");
  }
  return pixels;
}

ImageSet read_npy_half(const Path& images, const Path& labels, std::int64_t classes) {
  ImageSet set = set_for(read_npy_header(images));
  fill_labels(set, labels, images, classes);
  fill_images(set, images);
  return set;
}

Dataset load_npy_dataset(const std::string& folder, const DatasetOptions& options) {
  if (folder.empty()) throw mistake("data"_field, " npy needs a folder: ", "data"_field, " npy:DIR");
  if (!is_folder(folder)) throw mistake(folder, ": no such folder (", "data"_field, " npy:DIR)");
  Dataset set;
  set.train = load_arrays(folder, "train", options.train);
  set.test = load_arrays(folder, "test", options.test);
  const ImageSet &a = set.train, &b = set.test;
  if (a.count > 0 && b.count > 0 && (a.height != b.height || a.width != b.width || a.channels != b.channels))
    throw mistake(folder, ": training images are ", a.height, "x", a.width, "x", a.channels, ", test images ", b.height,
                  "x", b.width, "x", b.channels);
  std::int32_t largest = 1;
  for (const ImageSet* half : {&a, &b})
    for (const std::int32_t label : half->labels) largest = std::max(largest, label);
  set.classes = largest + 1;
  for (int c = 0; c < set.classes; ++c) set.class_names.push_back(std::to_string(c));
  if (a.count > 0) measure_normalization(a, set.mean, set.std);
  return set;
}

}  // namespace kelvin
