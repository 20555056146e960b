#include "data/imagenet_lists.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "data/imagenet_classes.h"
#include "engine/input_file.h"
#include "kernels/device/error.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The words of a line, between spaces, tabs and commas.
std::vector<std::string> words_of(std::string line) {
  for (char& c : line)
    if (c == '\t' || c == ',' || c == '\r') c = ' ';
  return nonempty_parts_of(line, ' ');
}

// A class by its number from 0 or its wnid.
std::optional<std::int32_t> class_of(const std::string& word) {
  if (const auto number = whole_number(word))
    return *number >= 0 && *number < kImagenetClasses ? std::optional(static_cast<std::int32_t>(*number))
                                                      : std::nullopt;
  return imagenet_classes().find(word);
}

}  // namespace

std::vector<ListedImage> read_image_list(const Path& path) {
  const ImagenetClasses& classes = imagenet_classes();
  std::vector<ListedImage> images;
  std::map<std::string, std::size_t> line_of;
  std::size_t number = 0;
  for (const std::string& line : parts_of(read_text(path), '\n')) {
    ++number;
    const std::vector<std::string> words = words_of(line);
    if (words.empty() || (number == 1 && words[0] == "ImageId")) continue;
    const Path name = words[0];
    ListedImage image{name.parent_path().filename().string(), name.stem().string(), {}, number};
    image.label = classes.find(image.folder);
    if (!image.label) image.folder.clear();
    if (words.size() > 1) {
      const std::optional<std::int32_t> said = class_of(words[1]);
      if (!said)
        throw mistake(path.string(), ": line ", number, ": ", words[1], " is no class; expected 0 to ",
                      kImagenetClasses - 1, ", or a wnid such as ", classes.wnids[0]);
      if (image.label && *image.label != *said)
        throw mistake(path.string(), ": line ", number, ": says class ", *said, ", but ", image.folder, " is class ",
                      *image.label, "; expected places in the sorted list of wnids, from 0");
      image.label = said;
    }
    if (const auto [before, is_new] = line_of.emplace(image.folder + "/" + image.stem, number); !is_new)
      throw mistake(path.string(), ": line ", number, ": ", words[0], " stands on line ", before->second, " too");
    images.push_back(std::move(image));
  }
  if (images.empty()) throw mistake(path.string(), ": names no images");
  return images;
}

std::vector<std::int32_t> read_ground_truth(const Path& path) {
  std::vector<std::int32_t> labels;
  for (const std::string& line : parts_of(read_text(path), '\n')) {
    const std::vector<std::string> words = words_of(line);
    const auto number = words.size() == 1 ? whole_number(words[0]) : std::nullopt;
    if (!number || *number < 1 || *number > kImagenetClasses)
      throw mistake(path.string(), ": line ", labels.size() + 1, ": expected one number from 1 to ", kImagenetClasses);
    labels.push_back(imagenet_classes().by_number[static_cast<std::size_t>(*number - 1)]);
  }
  return labels;
}

std::int64_t validation_number(const std::string& stem) {
  constexpr std::string_view kStart = "ILSVRC2012_val_";
  if (!stem.starts_with(kStart)) return 0;
  return std::max<std::int64_t>(0, whole_number(std::string_view(stem).substr(kStart.size())).value_or(0));
}

}  // namespace kelvin
