// Where published weights that our models load come from: torchvision's and timm's public homes.
#pragma once

#include <string>
#include <vector>

namespace kelvin {

struct WeightSource {
  std::string name;   // kelvin weights fetch NAME
  std::string about;  // one line
  std::string model;  // ModelSpec::name
  std::string home;   // address that `path` is appended to
  std::string path;   // below the home
  std::string file;   // what the file is called here
  std::string
      digest;  // the first digits of its SHA-256, hexadecimal; empty: the home says them when the file is fetched
};

[[nodiscard]] const std::vector<WeightSource>& weight_sources();
// A mistake that lists the names when there is none.
[[nodiscard]] const WeightSource& find_weight_source(const std::string& name);

}  // namespace kelvin
