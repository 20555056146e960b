#include <algorithm>

#include "apps/attacks/attack.h"
#include "apps/evaluation/percentile.h"

namespace kelvin {
namespace {

template <class F>
double mean_over(const std::vector<AttackedImage>& images, const F& value) {
  double total = 0;
  for (const AttackedImage& image : images) total += value(image);
  return images.empty() ? 0 : total / static_cast<double>(images.size());
}

template <class F>
double mean_over_correct(const std::vector<AttackedImage>& images, const F& value) {
  double total = 0, count = 0;
  for (const AttackedImage& image : images)
    if (image.is_clean_correct()) {
      total += value(image);
      ++count;
    }
  return count > 0 ? total / count : 0;
}

}  // namespace

double AttackResult::clean_accuracy() const {
  return mean_over(images, [](const AttackedImage& i) { return i.is_clean_correct() ? 1.0 : 0.0; });
}
double AttackResult::robust_accuracy() const {
  return mean_over(images, [](const AttackedImage& i) { return i.is_robust() ? 1.0 : 0.0; });
}
double AttackResult::target_success_rate() const {
  double reached = 0, count = 0;
  for (const AttackedImage& i : images)
    if (i.target != i.label) {
      reached += i.adversarial_prediction == i.target ? 1 : 0;
      ++count;
    }
  return count > 0 ? reached / count : 0;
}
double AttackResult::zero_gradient_fraction() const {
  return mean_over_correct(images, [](const AttackedImage& i) { return i.has_zero_gradient ? 1.0 : 0.0; });
}
double AttackResult::zero_coordinate_fraction() const {
  return mean_over_correct(images, [](const AttackedImage& i) { return i.zero_coordinates; });
}
double AttackResult::mean_displacement() const {
  double total[2] = {0, 0}, count[2] = {0, 0};
  for (const AttackedImage& image : images) {
    if (image.displacement < 0) continue;
    total[image.withstood() ? 1 : 0] += static_cast<double>(image.displacement);
    ++count[image.withstood() ? 1 : 0];
  }
  const int which = count[1] > 0 ? 1 : 0;
  return count[which] > 0 ? total[which] / count[which] : 0;
}
double AttackResult::max_linf() const {
  double largest = 0;
  for (const AttackedImage& i : images) largest = std::max<double>(largest, i.linf);
  return largest;
}
double AttackResult::max_l2() const {
  double largest = 0;
  for (const AttackedImage& i : images) largest = std::max<double>(largest, i.l2);
  return largest;
}
double AttackResult::margin_percentile(double p) const {
  std::vector<double> margins;
  for (const AttackedImage& i : images) margins.push_back(i.clean_margin);
  return percentile(std::move(margins), p);
}

}  // namespace kelvin
