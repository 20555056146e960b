// What a run's results say, for comparisons between runs: numbers that may be missing, attacks by their settings, images one by one.
//
// Results are files that earlier versions and other hands wrote. What is absent or of another form counts as not measured; nothing here throws.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/analysis/trainings.h"

namespace kelvin {

// The results of one run by name ("train", "evaluate", "attack-pgd-log-odds", ...), as in its folder results/.
struct RunResults {
  std::string name;
  const nlohmann::json* results = nullptr;  // an object
  double tau = 0;                           // training temperature; NaN if unknown
};

// The runs of a report's data, {"runs": [{"name", "results"}]}, that have a temperature and did not diverge, by temperature.
[[nodiscard]] std::vector<RunResults> runs_with_tau(const nlohmann::json& runs);

// The number at a path of names; absent if there is none.
[[nodiscard]] std::optional<double> number_at(const nlohmann::json& object, std::initializer_list<const char*> path);

// A result by its name; one with other settings (of most images) if that is absent; null if there is none.
[[nodiscard]] const nlohmann::json& result_of(const RunResults& run, const std::string& name);

// PGD on a loss ("ce", "log-odds") at an attack temperature and with targets ("none", "random", "all"): every result of it, of most images first.
[[nodiscard]] std::vector<const nlohmann::json*> pgd_results(const RunResults& run, const std::string& loss,
                                                             double attack_tau, const std::string& targeted);
// Whether two attacks agree in norm, ε, step, steps, restarts, seed, precision and data.
[[nodiscard]] bool is_same_attack(const nlohmann::json& a, const nlohmann::json& b);

// The share of right answers on each image: 0 or 1 of an attack or an evaluation, a mean over corruptions. Empty where a result has none.
[[nodiscard]] std::vector<double> image_shares(const nlohmann::json& result);
// The share of right answers: "robust_accuracy", "mean_accuracy" or "accuracy".
[[nodiscard]] std::optional<double> share_of(const nlohmann::json& result);

// Two results on the same first images, or, where the images were not kept one by one, on sets of the same kind.
struct ImageComparison {
  std::int64_t n = 0;                            // images of both
  bool is_paired = false;                        // image by image; else as two independent samples
  double first = 0, second = 0;                  // shares of right answers
  MeanDifference difference;                     // first − second, 95 % interval for other images and these models
  std::int64_t only_first = 0, only_second = 0;  // images that are right in one alone; 0 where not paired
};
[[nodiscard]] std::optional<ImageComparison> compare_images(const nlohmann::json& first, const nlohmann::json& second);

}  // namespace kelvin
