// ImageNet (ILSVRC 2012), read for evaluation: photographs of any size, decoded, resized and cropped as they are asked for.
//
//   imagenet:DIR   DIR/val/WNID/*.JPEG or DIR/WNID/*.JPEG; or the validation images as published, DIR/val/ILSVRC2012_val_*.JPEG or
//                  DIR/ILSVRC2012_val_*.JPEG, with the development kit's ILSVRC2012_validation_ground_truth.txt in DIR or beside it
//
// The classes are always ImageNet's 1000 (data/imagenet_classes.h), so that a folder of a few of them has the labels of a model of all. The images come
// in the order of the validation set's numbers, which mixes the classes; files with other names in turns, one of each class.
//
// Memory holds names, labels and the images in use, whatever the number of images.
#pragma once

#include <string>

#include "data/dataset.h"

namespace kelvin {

// The test half; there is no training half. Mistakes: no images, folders that are no classes of ImageNet, no labels, an entry of options.images that
// names no image, twice the same or another class than its folder, with its line.
[[nodiscard]] Dataset load_imagenet(const std::string& where, const DatasetOptions& options);

}  // namespace kelvin
