// Image classification sets, in memory or read image by image.
//
// A set keeps its pixels as they came: uint8 (divided by 255 on use) or float32 in [0, 1]; images are [N, H, W, C] with 1 or 3
// channels, labels are in [0, classes). A set that is too large for memory keeps a function in their place, which makes an image each
// time that it is asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "data/image_preparation.h"

namespace kelvin {

// Writes image i to out[H, W, C]. The same bytes each time; several threads may call it at once. Throws a mistake that names the image.
using ImageReader = std::function<void(std::int64_t i, std::uint8_t* out)>;

struct ImageSet {
  std::int64_t count = 0, height = 0, width = 0, channels = 0;
  std::vector<std::uint8_t> bytes;   // [N, H, W, C], or empty
  std::vector<float> floats;         // [N, H, W, C], or empty
  std::vector<std::int32_t> labels;  // [N]
  ImageReader reader = {};           // or empty; exactly one of bytes, floats and reader is filled when count > 0

  [[nodiscard]] std::int64_t pixels() const { return height * width * channels; }  // numbers an image
  // Writes image i to out[pixels()], as float32 in [0, 1], or as uint8 (floats are rounded).
  void copy_image(std::int64_t i, float* out) const;
  void copy_image(std::int64_t i, std::uint8_t* out) const;
  // The images at `rows`, one after the other; the CPU's threads share the work.
  void copy_images(std::span<const std::int64_t> rows, float* out) const;
  // The first n images (all when n is 0 or larger than the set).
  [[nodiscard]] ImageSet first(std::int64_t n) const;
  // All but the first n images.
  [[nodiscard]] ImageSet from(std::int64_t n) const;
  // The images at `rows`, in that order.
  [[nodiscard]] ImageSet select(const std::vector<std::int64_t>& rows) const;
};

struct Dataset {
  std::string name;
  ImageSet train, test;  // count 0 when skipped or absent
  ImageSet validation;   // held out of train (data/hold_out.h); count 0 unless asked for
  int classes = 0;
  std::vector<std::string> class_names;    // one a class, UTF-8: other bytes escaped (engine/printable.h)
  bool has_class_names = false;            // whether those are names; else numbers that stand for them
  std::vector<std::string> class_folders;  // sets of image files: the folder of each class; else empty
  // Per channel, in [0, 1], of the training images, for a model's normalisation. Empty where nobody knows them: npy and folder sets of
  // which no training half was read.
  std::vector<float> mean, std;
  std::int64_t test_count = 0;               // test images before test_limit
  std::vector<std::string> test_files = {};  // imagenet: WNID/NAME of each of them; else empty
  std::vector<std::string> notes;            // what was passed over, a line each: for people, once
};

enum class Half { skip, optional, required };  // optional: read where it is there

struct DatasetOptions {
  Half train = Half::required, test = Half::required;
  std::int64_t train_limit = 0, test_limit = 0;  // 0: all
  std::int64_t validation = 0;                   // images to hold out of the training half, after train_limit; 0: none
  std::uint64_t seed = 0;                        // of synthetic sets and of the choice of the validation images
  bool uses_cache = true;   // of decoded images (data/image_file.h); false: it is neither read nor filled
  std::string images = {};  // imagenet: a file that lists the images to take (data/imagenet_lists.h); empty: all
  ImagePreparation preparation = {};  // imagenet: their size
};

// `spec` is the value of --data: NAME or NAME:WHERE.
//   cifar10:DIR, cifar100:DIR  the binary version (data/cifar.h)
//   fashion-mnist[:DIR]   the four IDX files, gzipped or not; default: where Debian's dataset-fashion-mnist puts them
//   cifar10.1:DIR         a second test set for CIFAR-10 (data/cifar10_1.h)
//   tiny-imagenet:DIR, folder:DIR  image files in class folders (data/image_folders.h)
//   imagenet:DIR          ImageNet's validation images, read as they are used (data/imagenet.h); no training half
//   synthetic[:KEY=VALUE,...]  Gaussian classes (data/synthetic.h)
//   npy:DIR               {train,test}_{images,labels}.npy
// Throws a mistake on unknown names, absent or damaged files, labels out of range, NaN or pixels outside [0, 1].
[[nodiscard]] Dataset load_dataset(const std::string& spec, const DatasetOptions& options);

// The same set wherever it is asked for: NAME:WHERE with an absolute path. The options of synthetic sets are no path.
[[nodiscard]] std::string with_absolute_path(const std::string& spec);

// Mean and standard deviation of each channel over all pixels of the set.
void measure_normalization(const ImageSet& set, std::vector<float>& mean, std::vector<float>& std);

}  // namespace kelvin
