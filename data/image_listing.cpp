#include "data/image_listing.h"

#include <sys/stat.h>

#include <algorithm>

#include "data/image_file.h"
#include "engine/input_file.h"
#include "engine/printable.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

constexpr int kMaxFolders = 200'000;  // links can make many paths of few folders

std::string kind_of_name(const Path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension.empty() ? "without extension" : printable(extension);
}

class Walk {
 public:
  Walk(std::vector<Path>& images, PassedOver& passed_over) : images_(images), passed_over_(passed_over) {}

  void start(const Path& folder) {
    struct stat status {};
    for (Path outer = std::filesystem::absolute(folder).lexically_normal(); outer.has_relative_path();) {
      outer = outer.parent_path();
      if (stat(outer.c_str(), &status) == 0) way_.push_back(status);
    }
    if (stat(folder.c_str(), &status) == 0) enter(folder, status);
  }

 private:
  void enter(const Path& folder, const struct stat& status) {
    for (const struct stat& outer : way_)
      if (outer.st_dev == status.st_dev && outer.st_ino == status.st_ino) {
        ++passed_over_["in a circle"];  // a link back to where we are already
        return;
      }
    if (++folders_ > kMaxFolders)
      throw mistake(folder.string(), ": more than ", kMaxFolders, " folders so far; do its links go round?");
    way_.push_back(status);
    for (const std::string& name : names_in(folder)) look_at(folder / name, name);
    way_.pop_back();
  }

  void look_at(const Path& path, const std::string& name) {
    struct stat status {};
    if (is_hidden_name(name))
      ++passed_over_["hidden"];
    else if (stat(path.c_str(), &status) != 0)
      ++passed_over_["leading nowhere"];
    else if (S_ISDIR(status.st_mode))
      enter(path, status);
    else if (!S_ISREG(status.st_mode))
      ++passed_over_["that are no files"];
    else if (is_image_name(path))
      images_.push_back(path);
    else
      ++passed_over_[kind_of_name(path)];
  }

  std::vector<Path>& images_;
  PassedOver& passed_over_;
  std::vector<struct stat> way_;  // the folders that we are inside of
  int folders_ = 0;
};

}  // namespace

bool is_hidden_name(const std::string& name) { return name.starts_with('.') || name == "__MACOSX"; }

std::vector<Path> images_below(const Path& folder, PassedOver& passed_over) {
  std::vector<Path> images;
  Walk(images, passed_over).start(folder);
  std::sort(images.begin(), images.end());
  return images;
}

bool holds_images(const Path& folder) {
  for (const std::string& name : names_in(folder))
    if (!is_hidden_name(name) && is_image_name(name) && !is_folder(folder / name)) return true;
  return false;
}

std::string note_of(const PassedOver& passed_over) {
  constexpr std::size_t kShown = 8;
  std::int64_t files = 0;
  std::string kinds;
  std::size_t shown = 0;
  for (const auto& [kind, count] : passed_over) {
    files += count;
    if (++shown <= kShown) kinds += str(shown > 1 ? ", " : "", count, " ", kind);
  }
  if (shown > kShown) kinds += str(", and ", shown - kShown, " more kinds");
  if (files == 0) return {};
  return str("passed over ", files, files == 1 ? " file: " : " files: ", kinds, " (PNG, JPEG and BMP images are read)");
}

}  // namespace kelvin
