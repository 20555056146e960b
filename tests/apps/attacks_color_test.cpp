// Attacks on colour networks in both norms, against the authors' code and torchattacks (tools/golden/attacks_color.py). The references drew
// Kelvin's random numbers, so each image takes the same path in both: it falls at the same step, or at none, and looks the same then.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "apps/attacks/attack.h"
#include "apps/attacks/gradient_at_start.h"
#include "apps/attacks/settings.h"
#include "apps/training/inner_attack.h"
#include "tests/apps/attack_options.h"
#include "tests/apps/golden_model.h"
#include "tests/models/golden_model.h"

namespace kelvin {
namespace {

using testing::color_golden;
using testing::with_own;

// A network under attack, its images, and what the references made of them.
struct Golden {
  nlohmann::json reference;
  ImageSet set;
  std::unique_ptr<Model> model;

  [[nodiscard]] const nlohmann::json& at(Norm norm) const { return reference[norm == Norm::l2 ? "L2" : "Linf"]; }
  [[nodiscard]] AttackOptions options(const std::string& attack, Norm norm) const {
    const float eps = at(norm)["eps"].get<float>();
    const AttackOptions o = {.attack = attack, .norm = norm, .eps = eps, .batch_size = 40};
    return with_own(attack.starts_with("apgd") ? with_own(o, {{"steps", reference["steps"].dump()}}) : o,
                    {{"queries", reference["queries"].dump()}, {"targets", reference["targets"].dump()}});
  }
};

Golden resnet() { return {testing::color_reference(), testing::color_images(0), testing::color_model()}; }

// Weights by formula, labels its own predictions.
Golden vision_transformer() {
  Golden g{testing::json_of(color_golden("vit_reference.json")), {}, {}};
  const auto labels = g.reference["labels"].get<std::vector<std::int32_t>>();
  g.set = testing::color_images(static_cast<std::int64_t>(labels.size()));
  g.set.labels = labels;
  const nlohmann::json normalisation = testing::color_reference();
  g.model = make_model({.name = "vit_tiny_patch4",
                        .height = static_cast<int>(g.set.height),
                        .width = static_cast<int>(g.set.width),
                        .mean = normalisation["mean"].get<std::vector<float>>(),
                        .std = normalisation["std"].get<std::vector<float>>()},
                       {}, 0);
  testing::fill_by_formula(g.model->parameters());
  testing::scale_head(*g.model, g.reference);
  return g;
}

// Length of the change and its sum in each channel.
using Change = std::array<double, 4>;

Change change_of(std::span<const float> clean, std::span<const float> moved) {
  Change c{};
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const double d = static_cast<double>(moved[i]) - static_cast<double>(clean[i]);
    c[0] += d * d;
    c[1 + i % 3] += d;
  }
  c[0] = std::sqrt(c[0]);
  return c;
}

// The changes of the images that fell; the others have none.
std::vector<std::optional<Change>> fallen(const Golden& g, const AttackOptions& o) {
  std::vector<std::optional<Change>> changes;
  const AttackResult r = attack(*g.model, g.set, o, [&](std::int64_t, const Tensor& clean, const Tensor& adversarial) {
    const std::vector<float> x0 = clean.to_host<float>(), x = adversarial.to_host<float>();
    const auto size = static_cast<std::size_t>(g.set.pixels());
    for (std::size_t at = 0; at < x.size(); at += size)
      changes.push_back(change_of(std::span(x0).subspan(at, size), std::span(x).subspan(at, size)));
  });
  for (std::size_t i = 0; i < changes.size(); ++i)
    if (r.images[i].is_robust() || !r.images[i].is_clean_correct()) changes[i].reset();
  return changes;
}

bool is_near(const Change& ours, const nlohmann::json& theirs) {
  for (std::size_t k = 0; k < ours.size(); ++k) {
    const auto expected = theirs[k].get<double>();
    if (std::abs(ours[k] - expected) > 0.01 * (std::abs(expected) + 0.1)) return false;
  }
  return true;
}

// Most agree to six digits. Where a gradient is rounding noise its sign is, too, and an image on the boundary may fall a step earlier on
// another processor: one may fall in one program alone, two may look different.
void expect_same_paths(const Golden& g, const std::string& name, const AttackOptions& o) {
  const auto ours = fallen(g, o);
  const nlohmann::json& theirs = g.at(o.norm)["found"][name];
  int fell = 0, in_one_alone = 0, different = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    fell += theirs[i].is_null() ? 0 : 1;
    in_one_alone += theirs[i].is_null() == ours[i].has_value() ? 1 : 0;
    if (theirs[i].is_null() || !ours[i]) continue;
    different += is_near(*ours[i], theirs[i]) ? 0 : 1;
  }
  EXPECT_GT(fell, 1) << name << ": nothing was compared";
  EXPECT_LE(in_one_alone, 1) << name;
  EXPECT_LE(different, 2) << name;
}

struct Case {
  const char* attack;
  Norm norm;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.attack << (c.norm == Norm::l2 ? " L2" : " Linf"); }

class ColorPath : public ::testing::TestWithParam<Case> {};

TEST_P(ColorPath, ImagesFallWhereTheReferenceLetsThemFall) {
  const Golden g = resnet();
  AttackOptions o = g.options(GetParam().attack, GetParam().norm);
  if (o.attack == "pgd") {
    o.pgd.steps = 10;
    o.pgd.restarts = 2;
  }
  expect_same_paths(g, o.attack, o);
}

INSTANTIATE_TEST_SUITE_P(All, ColorPath,
                         ::testing::Values(Case{"fgsm", Norm::linf}, Case{"pgd", Norm::linf}, Case{"pgd", Norm::l2},
                                           Case{"mifgsm", Norm::linf}, Case{"cw", Norm::linf},
                                           Case{"apgd-ce", Norm::linf}, Case{"apgd-ce", Norm::l2},
                                           Case{"apgd-dlr", Norm::linf}, Case{"apgd-dlr", Norm::l2},
                                           Case{"apgd-t", Norm::linf}, Case{"apgd-t", Norm::l2},
                                           Case{"square", Norm::linf}, Case{"square", Norm::l2}),
                         [](const auto& info) {
                           std::string name = info.param.attack;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name + (info.param.norm == Norm::l2 ? "_l2" : "_linf");
                         });

// Images of 16 x 14 pixels: windows and patterns must not confuse height and width.
TEST(ColorAttacks, SquareTakesImagesThatAreNotSquare) {
  const Golden whole = resnet();
  const auto width = whole.reference["narrow"].get<std::int64_t>(),
             rows = static_cast<std::int64_t>(whole.at(Norm::l2)["found"]["square-narrow"].size());
  Golden g{whole.reference, whole.set.first(rows), testing::color_model(width)};
  g.set.width = width;
  g.set.bytes.clear();
  for (std::int64_t row = 0; row < rows * whole.set.height; ++row) {
    const auto first = whole.set.bytes.begin() + row * whole.set.width * 3;
    g.set.bytes.insert(g.set.bytes.end(), first, first + width * 3);
  }
  for (const Norm norm : {Norm::linf, Norm::l2}) expect_same_paths(g, "square-narrow", g.options("square", norm));
}

TEST(ColorAttacks, AVisionTransformersImagesFallWhereTheReferenceLetsThemFall) {
  const Golden g = vision_transformer();
  for (const Norm norm : {Norm::linf, Norm::l2})
    for (const auto& [name, rows] : g.at(norm)["found"].items()) expect_same_paths(g, name, g.options(name, norm));
}

// The last iterate of 20 steps from the image itself.
void expect_pixels(const Golden& g, const std::string& file, Norm norm, Targeting targeting) {
  AttackOptions o = g.options("pgd", norm);
  o.pgd.random_start = false;
  o.pgd.last_iterate = true;
  o.targeting = targeting;
  const std::vector<float> theirs = read_npy(color_golden(file + ".npy")).to_float();
  std::vector<float> ours;
  (void)attack(*g.model, g.set.first(4), o,
               [&](std::int64_t, const Tensor&, const Tensor& adversarial) { ours = adversarial.to_host<float>(); });
  ASSERT_EQ(ours.size(), theirs.size());
  double mean = 0;
  for (std::size_t i = 0; i < ours.size(); ++i)
    mean += std::abs(static_cast<double>(ours[i]) - static_cast<double>(theirs[i])) / static_cast<double>(ours.size());
  EXPECT_LT(mean, 0.01 / 255) << file;
}

TEST(ColorAttacks, PgdFollowsTorchattacksPixelByPixel) {
  const Golden networks[] = {resnet(), vision_transformer()};
  for (const std::string prefix : {"", "vit_"}) {
    const Golden& g = networks[prefix.empty() ? 0 : 1];
    expect_pixels(g, prefix + "pgd_linf", Norm::linf, Targeting::none);
    expect_pixels(g, prefix + "pgd_l2", Norm::l2, Targeting::none);
    expect_pixels(g, prefix + "pgd_l2_targeted", Norm::l2, Targeting::least_likely);
  }
}

// Distances agree to 1e-4; one image may take another path.
void expect_distances(const std::string& what, const AttackResult& r, const nlohmann::json& theirs) {
  int compared = 0, different = 0;
  for (std::size_t i = 0; i < r.images.size(); ++i) {
    if (r.images[i].target < 0 && !r.images[i].is_clean_correct()) continue;
    ++compared;
    const double ours = r.images[i].minimal_distance, expected = theirs[i].is_null() ? -1 : theirs[i].get<double>();
    different += std::abs(ours - expected) > 1e-3 * std::abs(expected) ? 1 : 0;
  }
  EXPECT_GT(compared, 4) << what;
  EXPECT_LE(different, 1) << what;
}

TEST(ColorAttacks, CarliniWagnerFindsTheSameDistances) {
  const Golden g = resnet();
  const nlohmann::json& cw = g.reference["cw"];
  for (const std::string kind : {"distance", "targeted"}) {
    AttackOptions o = g.options("cw", Norm::l2);
    o.cw_l2.steps = cw["steps"].get<int>();
    o.cw_l2.search_steps = cw["search_steps"].get<int>();
    if (kind == "targeted") o.targeting = Targeting::least_likely;
    const ImageSet images = g.set.first(static_cast<std::int64_t>(cw[kind].size()));
    expect_distances("cw " + kind, attack(*g.model, images, o), cw[kind]);
  }
}

// The attack of adversarial training on its batches.
TEST(ColorAttacks, InnerAttacksMakeTheReferencesImages) {
  const Golden g = resnet();
  for (const auto& [name, theirs] : g.reference["inner"].items()) {
    AdversarialOptions o = usual_adversarial_options(adversarial_of(name));
    o.steps = theirs["steps"].get<int>();
    o.batch_norm = Mode::eval;
    const ImageSet set = g.set.first(static_cast<std::int64_t>(theirs["images"].size()));
    const TensorBatch batch = tensor_batch(set, 0, set.count, {});
    const StepTemperatures t(o, {});
    InnerAttack inner(*g.model, o, t, batch.images, batch.labels, /*seed=*/0);
    const std::vector<float> x = inner.attack(set.count, 0).to_host<float>(), x0 = batch.images.to_host<float>();
    int different = 0;
    for (std::size_t i = 0; i < theirs["images"].size(); ++i) {
      const auto size = static_cast<std::size_t>(set.pixels());
      const Change c = change_of(std::span(x0).subspan(i * size, size), std::span(x).subspan(i * size, size));
      different += is_near(c, theirs["images"][i]) ? 0 : 1;
    }
    EXPECT_LE(different, 1) << name;
    EXPECT_NEAR(inner.take_log().fosc, theirs["fosc"].get<double>(), 1e-3 * theirs["fosc"].get<double>()) << name;
  }
}

class ColorNorm : public ::testing::TestWithParam<Norm> {};

TEST_P(ColorNorm, FabFindsTheSameDistances) {
  const Golden g = resnet();
  for (const auto& [name, theirs] : g.at(GetParam())["distance"].items()) {
    const AttackOptions o = with_own(g.options(name, GetParam()), {{"steps", g.reference["fab_steps"].dump()}});
    expect_distances(name, attack(*g.model, g.set.first(static_cast<std::int64_t>(theirs.size())), o), theirs);
  }
}

// Here the reference draws for itself: two images of forty may fall otherwise.
TEST_P(ColorNorm, AutoAttackAndSquareBreakAsManyImages) {
  const Golden g = resnet();
  for (const auto& [name, theirs] : g.at(GetParam())["own"].items()) {
    const AttackResult r = attack(*g.model, g.set, g.options(name, GetParam()));
    int ours = 0, expected = 0;
    for (std::size_t i = 0; i < r.images.size(); ++i) {
      EXPECT_EQ(r.images[i].is_clean_correct(), g.reference["clean"][i].get<int>() == 1);
      ours += r.images[i].is_robust() ? 1 : 0;
      expected += theirs[i].get<int>();
    }
    EXPECT_NEAR(ours, expected, 2) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Both, ColorNorm, ::testing::Values(Norm::linf, Norm::l2),
                         [](const auto& info) { return std::string(info.param == Norm::l2 ? "L2" : "Linf"); });

}  // namespace
}  // namespace kelvin
