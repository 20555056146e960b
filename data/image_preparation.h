// Photographs of any size to one size, as torchvision's and timm's evaluation transforms do it: Resize of the short side, then CenterCrop.
//
// The resize is Pillow's Image.resize, which smooths where it shrinks, bit for bit: each output is a weighted mean of the inputs under a filter whose
// width grows with the scale; rows first, then columns, each rounded to 8 bits, with weights of 22 bits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/image_file.h"

namespace kelvin {

enum class ResizeFilter { bilinear, bicubic };  // triangle of width 2; cubic of width 4 with a = −1/2 (Keys 1981)

struct ImagePreparation {
  int resize = 256;  // of the short side; the long one keeps the proportion, rounded down. 0: as stored
  int crop = 224;    // side of the square at the centre
  ResizeFilter filter = ResizeFilter::bilinear;
};

// "short side to 256 (bilinear), then the 224x224 at the centre"
[[nodiscard]] std::string text_of(const ImagePreparation& preparation);

// image [H, W, channels] -> out [crop, crop, channels]. Needs a resized image of at least the crop's size.
void prepare_image(const DecodedImage& image, const ImagePreparation& preparation, std::uint8_t* out);

// Decodes the file as RGB and prepares it. Throws a mistake that names it: unreadable, damaged, stored smaller than the crop.
void read_prepared_image(const std::filesystem::path& path, const ImagePreparation& preparation, std::uint8_t* out);

}  // namespace kelvin
