// Attacks against torchattacks, on the same weights and images (tools/golden/attacks.py).
#include <gtest/gtest.h>

#include <cmath>

#include "apps/attacks/attack.h"
#include "apps/attacks/ball.h"
#include "apps/attacks/gradient_at_start.h"
#include "apps/attacks/victim.h"
#include "tests/apps/golden_model.h"

namespace kelvin {
namespace {

using testing::attack_golden;
using testing::attack_reference;
using testing::golden_images;
using testing::golden_model;

struct Agreement {
  double within_one_level = 0, mean_difference = 0;
};
Agreement compare(const std::vector<float>& ours, const std::string& file) {
  const std::vector<float> theirs = read_npy(attack_golden(file)).to_float();
  EXPECT_EQ(ours.size(), theirs.size());
  Agreement a;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double d = std::abs(static_cast<double>(ours[i]) - static_cast<double>(theirs[i]));
    a.within_one_level += d <= 1.0 / 255 + 1e-6 ? 1 : 0;
    a.mean_difference += d;
  }
  a.within_one_level /= static_cast<double>(ours.size());
  a.mean_difference /= static_cast<double>(ours.size());
  return a;
}

// 20 steps from the image itself, the last iterate, as torchattacks returns it. Where a gradient is rounding noise its sign differs,
// and the difference may grow: 99 % of the pixels is what the comparison promises.
TEST(AttacksGolden, PgdFollowsTorchattacksPixelByPixel) {
  const nlohmann::json reference = attack_reference();
  const auto model = golden_model();
  const ImageSet set = golden_images(32);
  const TensorBatch batch = tensor_batch(set, 0, 32, {});
  const Tensor x = batch.images.clone();
  for (int i = 0; i < 20; ++i) {
    const Tensor g = look(*model, x, batch.labels, AttackLoss::cross_entropy, 1).gradient;
    pgd_step(x, batch.images, g, Norm::linf,
             {.eps = reference["eps"].get<float>(), .step = reference["step"].get<float>()});
  }
  const Agreement a = compare(x.to_host<float>(), "pgd20.npy");
  EXPECT_GE(a.within_one_level, 0.99);
  EXPECT_LT(a.mean_difference, 0.05 / 255);  // and most agree to far less than a level
}

class MemberGolden : public ::testing::TestWithParam<const char*> {};

// Random starts and squares differ from the reference's, so single images near the boundary may fall either way: two of a hundred at
// most, and never weaker by more. FAB leaves fewer steps to chance and takes longest: the same bound.
TEST_P(MemberGolden, BreaksAsManyImagesAsTorchattacks) {
  const nlohmann::json reference = attack_reference();
  const auto model = golden_model();
  const std::string name = GetParam();
  AttackOptions o{.attack = name,
                  .eps = reference["eps"].get<float>(),
                  .step = reference["step"].get<float>(),
                  .steps = usual_steps(name, Norm::linf),
                  .batch_size = 100};
  const AttackResult r = attack(*model, golden_images(100), o);
  int ours = 0, theirs = 0, clean_differs = 0;
  for (std::size_t i = 0; i < r.images.size(); ++i) {
    ours += r.images[i].is_robust() ? 1 : 0;
    theirs += reference["robust"][name][i].get<int>();
    clean_differs += r.images[i].is_clean_correct() != (reference["clean"][i].get<int>() == 1) ? 1 : 0;
  }
  EXPECT_EQ(clean_differs, 0);
  EXPECT_NEAR(ours, theirs, 2) << name;
}

INSTANTIATE_TEST_SUITE_P(All, MemberGolden,
                         ::testing::Values("mifgsm", "apgd-ce", "apgd-dlr", "apgd-t", "fab-t", "square"),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace kelvin
