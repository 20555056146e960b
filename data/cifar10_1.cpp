#include "data/cifar10_1.h"

#include <filesystem>

#include "data/npy_dataset.h"
#include "engine/input_file.h"
#include "kernels/device/error.h"

namespace kelvin {

Dataset load_cifar10_1(const std::string& where, const DatasetOptions& options) {
  if (where.empty()) throw mistake("data"_field, " cifar10.1 needs its folder: cifar10.1:DIR");
  if (options.train == Half::required)
    throw mistake("cifar10.1 is a test set only; train with ", "data"_field, " cifar10:DIR and evaluate with ",
                  "data"_field, " cifar10.1:DIR");
  Dataset set;
  set.classes = 10;
  set.class_names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  set.has_class_names = true;
  set.mean = {0.4914f, 0.4822f, 0.4465f};  // CIFAR-10's
  set.std = {0.2470f, 0.2435f, 0.2616f};
  if (options.test == Half::skip) return set;
  const std::filesystem::path folder(where);
  const auto file = [&](const char* version, const char* part) {
    return folder / ("cifar10.1_" + std::string(version) + "_" + part + ".npy");
  };
  const char* const version = is_there(file("v6", "data")) ? "v6" : "v4";
  if (!is_there(file(version, "data")))
    throw mistake(where, ": holds neither cifar10.1_v6_data.npy nor cifar10.1_v4_data.npy");
  set.test = read_npy_half(file(version, "data"), file(version, "labels"), set.classes);
  const ImageSet& test = set.test;
  if (test.height != 32 || test.width != 32 || test.channels != 3 || test.bytes.empty())
    throw mistake(file(version, "data").string(), ": ", test.height, "x", test.width, "x", test.channels,
                  test.bytes.empty() ? " floats" : " bytes", ", expected uint8 (N, 32, 32, 3)");
  return set;
}

}  // namespace kelvin
