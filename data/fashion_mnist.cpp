#include "data/fashion_mnist.h"

#include <filesystem>

#include "data/idx.h"
#include "engine/input_file.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

constexpr const char* kPackageFolder = "/usr/share/datasets/fashion-mnist";
constexpr int kClasses = 10;

Path find_file(const Path& folder, const std::string& name) {
  for (const char* ending : {".gz", ""})
    if (is_there(folder / (name + ending))) return folder / (name + ending);
  throw mistake((folder / name).string(),
                "[.gz]: no such file; install Debian's package dataset-fashion-mnist or pass ", "data"_field, " ",
                "fashion-mnist:DIR");
}

ImageSet load_idx_half(const Path& folder, const std::string& half, Half wanted) {
  bool is_any_there = false;
  for (const char* part : {"-images-idx3-ubyte", "-labels-idx1-ubyte"})
    for (const char* ending : {"", ".gz"}) is_any_there = is_any_there || is_there(folder / (half + part + ending));
  if (wanted == Half::skip || (wanted == Half::optional && !is_any_there)) return {};
  const Path images_path = find_file(folder, half + "-images-idx3-ubyte");
  const Path labels_path = find_file(folder, half + "-labels-idx1-ubyte");
  const std::vector<std::int64_t> shape = read_idx_header(images_path, 3);
  const std::int64_t n_labels = read_idx_header(labels_path, 1)[0];
  if (shape[1] != 28 || shape[2] != 28)
    throw mistake(images_path.string(), ": images of ", shape[1], "x", shape[2], ", expected 28x28");
  if (shape[0] == 0) throw mistake(images_path.string(), ": holds no images");
  if (shape[0] != n_labels)
    throw mistake(labels_path.string(), ": ", n_labels, " labels for ", shape[0], " images in ", images_path.string());
  const IdxArray labels = read_idx(labels_path, 1);
  IdxArray images = read_idx(images_path, 3);
  if (images.shape != shape || labels.shape[0] != n_labels)
    throw mistake(images_path.string(), ": changed while it was read");
  ImageSet set{images.shape[0], 28, 28, 1, std::move(images.values), {}, {labels.values.begin(), labels.values.end()}};
  for (std::size_t i = 0; i < set.labels.size(); ++i)
    if (set.labels[i] >= kClasses)
      throw mistake(labels_path.string(), ": label ", set.labels[i], " at row ", i, ", expected 0 to ", kClasses - 1);
  return set;
}

}  // namespace

Dataset load_fashion_mnist(const std::string& where, const DatasetOptions& options) {
  const Path folder = where.empty() ? kPackageFolder : where;
  Dataset set;
  set.train = load_idx_half(folder, "train", options.train);
  set.test = load_idx_half(folder, "t10k", options.test);
  set.classes = kClasses;
  set.class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                     "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  set.has_class_names = true;
  set.mean = {0.2860f};  // over the 60,000 training images
  set.std = {0.3530f};
  return set;
}

}  // namespace kelvin
