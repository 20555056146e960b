#include "data/imagenet_classes.h"

#include <algorithm>
#include <map>

#include "kernels/device/error.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

ImagenetClasses parse_classes() {
  ImagenetClasses all;
  all.by_number.resize(kImagenetClasses);
  std::map<std::string, int> uses;
  for (const std::string& entry : parts_of(kImagenetClassList, '|')) {
    if (entry.empty()) continue;  // after the last
    const std::size_t first = entry.find(' '), second = entry.find(' ', first + 1);
    const std::string number = entry.substr(first + 1, second - first - 1);
    all.by_number.at(static_cast<std::size_t>(std::stoi(number) - 1)) = static_cast<int>(all.wnids.size());
    all.wnids.push_back(entry.substr(0, first));
    ++uses[all.names.emplace_back(entry.substr(second + 1))];
  }
  KELVIN_CHECK(all.wnids.size() == kImagenetClasses, "the list of ImageNet's classes");
  for (std::size_t c = 0; c < all.names.size(); ++c)  // two cranes, one of them a bird
    if (std::string& name = all.names[c]; uses.at(name) > 1) name += " (" + all.wnids[c] + ")";
  return all;
}

}  // namespace

std::optional<int> ImagenetClasses::find(std::string_view wnid) const {
  const auto at = std::lower_bound(wnids.begin(), wnids.end(), wnid);
  if (at == wnids.end() || *at != wnid) return std::nullopt;
  return static_cast<int>(at - wnids.begin());
}

const ImagenetClasses& imagenet_classes() {
  static const ImagenetClasses all = parse_classes();
  return all;
}

}  // namespace kelvin
