#include "apps/analysis/gradients.h"
#include "apps/run/json_output.h"

namespace kelvin {

nlohmann::json to_json(const GradientStudy& study, const std::vector<std::string>& class_names, double train_tau) {
  nlohmann::json rows = nlohmann::json::array();
  for (const GradientsAtTau& r : study.rows)
    rows.push_back({{"tau", r.tau},
                    {"alpha_shares", r.alpha_shares},
                    {"effective_negatives", r.effective_negatives},
                    {"alpha_entropy", r.alpha_entropy},
                    {"class_share", r.class_share},
                    {"step_size", r.step_size},
                    {"median_step_size", r.median_step_size},
                    {"image_participation", r.image_participation},
                    {"true_prototype_l2", r.true_prototype_l2},
                    {"negative_prototype_l2", r.negative_prototype_l2},
                    {"hardest_prototype_l2", r.hardest_prototype_l2},
                    {"feature_l2", r.feature_l2},
                    {"input_l1", r.input_l1},
                    {"input_l2", r.input_l2},
                    {"input_linf", r.input_linf},
                    {"zero_images", r.zero_images},
                    {"zero_coordinates", r.zero_coordinates},
                    {"prototype_cosine", or_null(r.prototype_cosine)},
                    {"feature_cosine", or_null(r.feature_cosine)},
                    {"input_cosine", or_null(r.input_cosine)},
                    {"set_prototype_cosine", or_null(r.set_prototype_cosine)}});
  nlohmann::json distance;
  const char* const names[] = {"p5", "p25", "p50", "p75", "p95"};
  for (std::size_t i = 0; i < study.linearized_distance.size(); ++i) distance[names[i]] = study.linearized_distance[i];
  return {{"n", study.n},
          {"accuracy", study.accuracy},
          {"train_tau", train_tau},
          {"class_names", class_names},
          {"linearized_distance", distance},
          {"rows", rows}};
}

}  // namespace kelvin
