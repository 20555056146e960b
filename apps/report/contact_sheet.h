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

// One row for each of the nineteen corruptions, one column for the clean image and each severity; pixels are enlarged without smoothing.
[[nodiscard]] Sheet corruption_sheet(const ImageSet& set, std::int64_t image, std::uint64_t seed);

// The same as a self-contained HTML page.
[[nodiscard]] std::string corruption_page(const ImageSet& set, std::int64_t image, std::uint64_t seed,
                                          const std::string& title);

}  // namespace kelvin
