// The 1000 classes of ImageNet (ILSVRC 2012), so that a folder of some of them has the labels of a model of all.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kelvin {

inline constexpr int kImagenetClasses = 1000;

struct ImagenetClasses {
  std::vector<std::string> wnids;  // WordNet ids, sorted: the class of a model's output is the place in this list
  std::vector<std::string> names;  // the first of each class's names, with the wnid where two classes share it
  std::vector<int> by_number;      // the class of the development kit's number n at n − 1

  [[nodiscard]] std::optional<int> find(std::string_view wnid) const;
};
[[nodiscard]] const ImagenetClasses& imagenet_classes();

// "wnid number name|..." (imagenet_class_list.cpp)
extern const char* const kImagenetClassList;

}  // namespace kelvin
