// Sets whose images are files: a user's own folder, and Tiny-ImageNet-200.
//
//   folder:DIR         DIR/train/CLASS/*.png and DIR/test/CLASS/* (or DIR/val/CLASS/*); or DIR/CLASS/* alone: a test set. Images may lie
//                      deeper inside the class's folder. Classes are the folders' names, sorted. PNG, JPEG and BMP; other files are
//                      passed over and counted in the set's notes (data/image_listing.h). Colour, unless every image is stored in
//                      grey. A folder of the name train, test or val that holds images is a class.
//   tiny-imagenet:DIR  tiny-imagenet-200 as published (or the folder that holds it): wnids.txt, words.txt, train/WNID/images/*.JPEG,
//                      val/images and val/val_annotations.txt. Classes are the sorted wnids, for every part. The validation images
//                      are the test half, because the test images have no published labels.
//
// Class folders are read in turns: the first image of every class, then the second of every class, ... So the first N images, which
// is what --limit takes, hold the classes evenly. Tiny-ImageNet's validation images stay in the order of their list, which mixes them.
//
// All images of a set have one size (Tiny-ImageNet: 64x64); nothing is resized. Decoded pixels are kept in the cache
// (data/image_file.h).
#pragma once

#include <filesystem>
#include <string_view>

#include "data/dataset.h"

namespace kelvin {

// Mistakes: a class without images, a test class that training lacks, an image of another size, unreadable images.
[[nodiscard]] Dataset load_image_folder(const std::string& where, const DatasetOptions& options);

// Mistakes as well, with file and line: annotations that name no image or class, an image that stands there twice or is not there, a
// class that stands twice in wnids.txt.
[[nodiscard]] Dataset load_tiny_imagenet(const std::string& where, const DatasetOptions& options);

// The subfolders of a folder by name, sorted; hidden ones are left out (data/image_listing.h).
[[nodiscard]] std::vector<std::string> subfolders(const std::filesystem::path& folder);

struct ClassFiles {
  std::int32_t label = 0;
  std::vector<std::filesystem::path> files;
};
struct LabelledFiles {
  std::vector<std::filesystem::path> files;
  std::vector<std::int32_t> labels;  // of each
};
// The first file of each class, then the second of each, ...; a class that has no more is passed over.
[[nodiscard]] LabelledFiles interleave(const std::vector<ClassFiles>& classes);

// A line of val_annotations.txt: file, wnid, and four numbers that are not read here, separated by tabs.
struct Annotation {
  std::string file, wnid;
  std::size_t line = 0;  // from 1
};
// Throws a mistake with `path` and line for a line without the two fields or with a file name that leaves the folder.
[[nodiscard]] std::vector<Annotation> parse_annotations(const std::filesystem::path& path, std::string_view text);

}  // namespace kelvin
