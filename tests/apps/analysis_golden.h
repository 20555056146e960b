// The results of NumPy, SciPy and PyTorch: tests/golden/analysis (tools/golden/analysis.py).
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/npy.h"

namespace kelvin::testing {

inline std::filesystem::path analysis_golden(const std::string& name) {
  return std::filesystem::path(KELVIN_GOLDEN_DIR) / "analysis" / name;
}

inline nlohmann::json analysis_reference() {
  std::ifstream in(analysis_golden("reference.json"));
  return nlohmann::json::parse(in);
}

inline std::vector<float> floats_of(const std::string& name) {
  const NpyArray array = read_npy(analysis_golden(name + ".npy"));
  std::vector<float> values;
  for (const auto v : array.to_float()) values.push_back(static_cast<float>(v));
  return values;
}

inline std::vector<std::int32_t> ints_of(const std::string& name) {
  const NpyArray array = read_npy(analysis_golden(name + ".npy"));
  std::vector<std::int32_t> values;
  for (const auto v : array.to_int()) values.push_back(static_cast<std::int32_t>(v));
  return values;
}

}  // namespace kelvin::testing
