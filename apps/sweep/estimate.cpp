#include "apps/sweep/estimate.h"

#include "apps/attacks/settings.h"
#include "data/corruptions.h"

namespace kelvin {
namespace {

constexpr double kUsuallyStanding = 0.25;
constexpr double kOverhead = 1.2;        // reading data, making corruptions, checkpoints, plans
constexpr double kAuditSteps = 20 * 60;  // about sixty attacks of twenty steps
constexpr double kGradientPasses = 5;    // forward and backward, for one temperature

// The cost of an attack on one image in attack steps. A query of Square counts as a third, because it needs no gradient.
double steps_of(const AttackOptions& a) {
  const double steps = own_value(a, "steps", 1), targets = own_value(a, "targets", 1),
               square = own_value(a, "queries", 0) / 3.0, runs = steps * targets;
  if (a.attack == "apgd-t") return runs;
  if (a.attack == "fab-t") return 2 * runs;
  if (a.attack == "square") return square;
  if (a.attack == "autoattack") return steps + 3 * runs + square;
  return steps * own_value(a, "restarts", 1);
}

double image_count(std::int64_t limit, std::int64_t test_images) {
  return static_cast<double>(limit > 0 && limit < test_images ? limit : test_images);
}

}  // namespace

double estimated_seconds(const TrainOptions& o, std::int64_t train_images, std::int64_t test_images,
                         const std::vector<Measurement>& list, const Rates& r) {
  const double attack_steps_of_training = o.adversarial.is_on() ? o.adversarial.steps : 0;
  double seconds =
      o.epochs * (static_cast<double>(train_images) * (1 / r.train + attack_steps_of_training / r.attack_step) +
                  static_cast<double>(test_images) / r.infer);
  for (const Measurement& m : list) {
    const double images = image_count(m.limit, test_images);
    switch (m.kind) {
      case Measurement::Kind::clean:
      case Measurement::Kind::geometry: seconds += images / r.infer; break;
      case Measurement::Kind::corruptions:
        seconds += images * static_cast<double>(corruption_names().size()) / r.infer;
        break;
      case Measurement::Kind::attack:
      case Measurement::Kind::distance: seconds += images * steps_of(m.attack) / r.attack_step; break;
      case Measurement::Kind::worst_case:
        seconds += kUsuallyStanding * images * steps_of(m.attack) / r.attack_step;
        break;
      case Measurement::Kind::audit: seconds += images * kAuditSteps / r.attack_step; break;
      case Measurement::Kind::gradient_study:
      case Measurement::Kind::gradients: seconds += images * kGradientPasses / r.attack_step; break;
    }
  }
  return kOverhead * seconds;
}

}  // namespace kelvin
