#include "apps/experiment/boundary_distance.h"

#include <cmath>
#include <numeric>

#include "apps/evaluation/percentile.h"

namespace kelvin {

AttackOptions boundary_search(std::uint64_t seed) { return {.attack = "fab-t", .eps = 1, .seed = seed}; }

nlohmann::json boundary_distances(const AttackResult& result) {
  nlohmann::json list = nlohmann::json::array();
  std::vector<double> distances;
  std::int64_t not_found = 0;
  for (const AttackedImage& image : result.images) {
    const bool is_found = !image.is_clean_correct() || image.minimal_distance >= 0;
    const double found = image.is_clean_correct() ? static_cast<double>(image.minimal_distance) : 0;
    distances.push_back(is_found ? found : 1);
    list.push_back(is_found ? nlohmann::json(std::round(found * 1e6) / 1e6) : nlohmann::json());
    not_found += is_found ? 0 : 1;
  }
  const double total = std::accumulate(distances.begin(), distances.end(), 0.0);
  return {{"n", distances.size()},
          {"median_distance", percentile(distances, 50)},
          {"mean_distance", total / static_cast<double>(distances.size())},
          {"not_found", not_found},
          {"distances", list}};
}

}  // namespace kelvin
