// One image under every corruption and severity, as a labelled sheet.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace kelvin {

struct Sheet {
  int height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  // [H, W, 3]
};

// A row a corruption (all nineteen), a column for the clean image and each severity; pixels enlarged without smoothing.
[[nodiscard]] Sheet corruption_sheet(const ImageSet& set, std::int64_t image, std::uint64_t seed);

// The same as one HTML page that needs no other file.
[[nodiscard]] std::string corruption_page(const ImageSet& set, std::int64_t image, std::uint64_t seed,
                                          const std::string& title);

}  // namespace kelvin
