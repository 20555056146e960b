#include "apps/training/selection.h"

#include "apps/attacks/attack.h"
#include "apps/evaluation/evaluate.h"

namespace kelvin {
namespace {

constexpr int kValidationBatch = 250;

}  // namespace

const std::vector<Named<SelectBy>>& select_by_names() {
  static const std::vector<Named<SelectBy>> all = {
      {"robust", SelectBy::robust}, {"accuracy", SelectBy::accuracy}, {"none", SelectBy::none}};
  return all;
}
std::string name_of(SelectBy by) { return name_in(select_by_names(), by); }

ValidationScores measure_validation(Model& model, const ImageSet& set, const AdversarialOptions& o,
                                    bool measure_robustness, double head_scale, std::uint64_t seed) {
  if (!measure_robustness) return {.accuracy = accuracy_of(model, set, kValidationBatch)};
  const AttackOptions pgd = {.eps = o.eps,
                             .loss = AttackLoss::log_odds,
                             .attack_tau = 1 / head_scale,
                             .seed = seed,
                             .batch_size = kValidationBatch,
                             .pgd = {.step = o.step, .steps = o.steps}};
  const AttackResult result = attack(model, set, pgd);
  return {.accuracy = result.clean_accuracy(), .robust_accuracy = result.robust_accuracy()};
}

bool BestEpoch::update(SelectBy by, const ValidationScores& scores, std::uint32_t at_epoch) {
  if (by == SelectBy::none) return false;
  const double now = by == SelectBy::accuracy ? scores.accuracy : scores.robust_accuracy.value();
  if (now <= score) return false;
  *this = {at_epoch, now};
  return true;
}

}  // namespace kelvin
