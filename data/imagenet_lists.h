// The text files that say what images of ImageNet are: lists of images, and the development kit's labels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kelvin {

struct ListedImage {
  std::string folder, stem;           // "n01440764" or empty, and "ILSVRC2012_val_00000293", of the name on the line
  std::optional<std::int32_t> label;  // if the line or its folder says
  std::size_t line = 0;               // from 1
};

// A line an image: its name, with or without folders and extension, then perhaps its class, as a number from 0 or a wnid; after spaces, a tab or a
// comma. So the 5,000 of RobustBench, Caffe's val.txt and Kaggle's LOC_val_solution.csv are read. What follows the class is passed over, as are empty
// lines and a table's head. Mistakes with the line: a class that is none, or another than the folder's; an image that stands twice; no images.
[[nodiscard]] std::vector<ListedImage> read_image_list(const std::filesystem::path& path);

// The class of validation image n at n − 1, from ILSVRC2012_validation_ground_truth.txt: a line an image, the kit's number of its class. Mistakes with
// the line.
[[nodiscard]] std::vector<std::int32_t> read_ground_truth(const std::filesystem::path& path);

// The n of "ILSVRC2012_val_n"; 0 for other names.
[[nodiscard]] std::int64_t validation_number(const std::string& stem);

}  // namespace kelvin
