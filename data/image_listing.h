// Which images lie in a folder, and what else does.
//
// Links to folders and files are followed, except where one leads back to a folder on its way. Hidden names (".x", and with them the
// "._x.png" of macOS) and folders "__MACOSX" are passed over, as is everything that is no image file; what is passed over is counted.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace kelvin {

// How many files of each kind: ".tif", "hidden", "leading nowhere", ...
using PassedOver = std::map<std::string, std::int64_t>;

// ".", "..", names that begin with a dot, and "__MACOSX".
[[nodiscard]] bool is_hidden_name(const std::string& name);

// All images below a folder, sorted by path. A mistake where a folder cannot be read, or there are too many.
[[nodiscard]] std::vector<std::filesystem::path> images_below(const std::filesystem::path& folder,
                                                              PassedOver& passed_over);
// Whether an image lies in the folder itself.
[[nodiscard]] bool holds_images(const std::filesystem::path& folder);

// "passed over 12 files: 7 .tif, 4 .webp, 1 hidden (PNG, JPEG and BMP images are read)"; empty where there are none.
[[nodiscard]] std::string note_of(const PassedOver& passed_over);

}  // namespace kelvin
