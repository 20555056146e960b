// The data of the explorer's page: which images, the attack's path, the plane of three classes, the gradients, and how
// they are packed.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "apps/explorer/exploration.h"
#include "apps/explorer/packed.h"
#include "apps/explorer/write_explorer.h"
#include "engine/ops/losses.h"
#include "engine/tape.h"
#include "kernels/attacks/pgd_bounds.h"
#include "tests/apps/golden_model.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::ElementsAre;
using testing::golden_images;
using testing::golden_model;
using ::testing::HasSubstr;
using testing::mistake_of;
using enum ImageKind;

ExplorerOptions options(int images, int steps = 5) {
  ExplorerOptions o{.images = images, .seed = 3};
  o.attack.seed = 3;
  o.attack.pgd.steps = steps;
  return o;
}

// Two classes, label 0, and the given leads of the label.
Predictions with_margins(const std::vector<float>& margins) {
  Predictions p{static_cast<std::int64_t>(margins.size()), 2, {}, std::vector<std::int32_t>(margins.size(), 0)};
  for (const float m : margins) {
    p.logits.push_back(m);
    p.logits.push_back(0);
  }
  return p;
}

TEST(ExplorerChoice, KindsAreQuartersOfTheMargin) {
  EXPECT_THAT(kinds_of(with_margins({5, -1, 8, 1, 3, 2, 4, 6, 7})),
              ElementsAre(right, wrong, easy, hard, right, hard, right, right, easy));
  EXPECT_THAT(kinds_of(with_margins({2, 1})), ElementsAre(easy, hard));
  EXPECT_THAT(kinds_of(with_margins({2})), ElementsAre(right));
}

TEST(ExplorerChoice, EveryKindOfEveryModelIsThere) {
  std::vector<std::vector<ImageKind>> kinds(2, std::vector<ImageKind>(400, right));
  for (std::size_t i = 0; i < 400; ++i) {  // few wrong ones, and other ones for each model
    for (std::size_t m = 0; m < 2; ++m)
      if (i % 50 == 7 + m) kinds[m][i] = wrong;
    if (kinds[0][i] == right && i % 4 == 0) kinds[0][i] = hard;
    if (kinds[0][i] == right && i % 4 == 1) kinds[0][i] = easy;
    if (kinds[1][i] == right && i % 3 == 0) kinds[1][i] = hard;
    if (kinds[1][i] == right && i % 3 == 1) kinds[1][i] = easy;
  }
  const std::vector<std::size_t> chosen = choose_images(kinds, 12, 0);
  EXPECT_EQ(std::set(chosen.begin(), chosen.end()).size(), 12u);
  EXPECT_TRUE(std::ranges::is_sorted(chosen));
  for (const auto& of_model : kinds)
    for (const ImageKind kind : {wrong, hard, easy, right})
      EXPECT_GE(std::ranges::count_if(chosen, [&](std::size_t i) { return of_model[i] == kind; }), 2) << name_of(kind);
  EXPECT_EQ(chosen, choose_images(kinds, 12, 0));
  EXPECT_NE(chosen, choose_images(kinds, 12, 1));
  EXPECT_EQ(choose_images(kinds, 400, 0).size(), 400u);
  EXPECT_THAT(mistake_of([&] { (void)choose_images(kinds, 401, 0); }), HasSubstr("--images 401: there are only 400"));
}

// The points of a path as images, from its start and its signs.
std::vector<float> last_point(const Exploration& e, std::size_t image, const AttackPath& path) {
  const auto size = static_cast<std::size_t>(e.images.pixels());
  std::vector<float> x0(size), x(e.starts.begin() + static_cast<std::ptrdiff_t>(image * size),
                                 e.starts.begin() + static_cast<std::ptrdiff_t>((image + 1) * size));
  e.images.copy_image(static_cast<std::int64_t>(image), x0.data());
  const float step = e.attack.pgd.step_in(e.attack.eps);
  for (std::size_t k = 0; k < path.signs.size(); ++k) {
    float& pixel = x[k % size];
    pixel = project_linf(pixel + step * static_cast<float>(path.signs[k]), x0[k % size], e.attack.eps);
  }
  return x;
}

// All twelve images are chosen, so that both sides run the same batch: equal to the last bit.
TEST(Explorer, PathsAreThoseOfTheAttack) {
  const auto model = golden_model();
  const ImageSet images = golden_images(12);
  const Exploration e = explore({{model.get(), "run", "resnet8"}}, images, options(12));
  for (const AttackLoss loss : {AttackLoss::cross_entropy, AttackLoss::log_odds}) {
    AttackOptions o = e.attack;
    o.loss = loss;
    const AttackResult best = attack(*model, images, o);
    o.pgd.last_iterate = true;
    std::vector<float> adversarial;
    const AttackResult last = attack(
        *model, images, o, [&](std::int64_t, const Tensor&, const Tensor& x) { adversarial = x.to_host<float>(); });
    const std::size_t size = adversarial.size() / 12;
    int fooled = 0;
    for (std::size_t i = 0; i < 12; ++i) {
      const ModelView& seen = e.models[0].images[i];
      const AttackPath& path = (loss == AttackLoss::log_odds ? seen.log_odds : seen.cross_entropy).path;
      ASSERT_EQ(path.points.size(), 6u);
      const auto first = adversarial.begin() + static_cast<std::ptrdiff_t>(i * size);
      EXPECT_EQ(last_point(e, i, path), std::vector<float>(first, first + static_cast<std::ptrdiff_t>(size)));
      EXPECT_EQ(path.points.back().prediction, last.images[i].adversarial_prediction);
      EXPECT_EQ(path.points.back().margin, last.images[i].adversarial_margin);
      if (!best.images[i].is_clean_correct()) continue;
      EXPECT_EQ(path.fooled_after(images.labels[i]) < 0, best.images[i].is_robust()) << i;
      fooled += best.images[i].is_robust() ? 0 : 1;
    }
    EXPECT_GT(fooled, 0);
  }
}

// A choice of images keeps their random starts: those of their positions in the set.
TEST(Explorer, AChosenImageIsAttackedAsInItsSet) {
  const auto model = golden_model();
  const ImageSet images = golden_images(20);
  const Exploration some = explore({{model.get(), "run", "resnet8"}}, images, options(6)),
                    all = explore({{model.get(), "run", "resnet8"}}, images, options(20));
  EXPECT_NE(some.positions.back(), 5u);
  const auto size = static_cast<std::size_t>(images.pixels());
  for (std::size_t i = 0; i < some.positions.size(); ++i) {
    const std::size_t at = some.positions[i];
    EXPECT_TRUE(std::equal(some.starts.begin() + static_cast<std::ptrdiff_t>(i * size),
                           some.starts.begin() + static_cast<std::ptrdiff_t>((i + 1) * size),
                           all.starts.begin() + static_cast<std::ptrdiff_t>(at * size)));
    EXPECT_EQ(some.models[0].images[i].kind, all.models[0].images[at].kind);
    // Products of another number of rows may round otherwise.
    const AttackPath &a = some.models[0].images[i].log_odds.path, &b = all.models[0].images[at].log_odds.path;
    for (std::size_t k = 0; k < a.points.size(); ++k) EXPECT_NEAR(a.points[k].margin, b.points[k].margin, 1e-2);
  }
}

TEST(Explorer, GradientsAreTheTapes) {
  const auto model = golden_model();
  const ImageSet images = golden_images(8);
  ExplorerOptions o = options(8, 1);
  o.attack.attack_tau = 3;
  const Exploration e = explore({{model.get(), "run", "resnet8"}}, images, o);
  const TensorBatch batch = tensor_batch(images, 0, 8, {});
  for (const bool is_log_odds : {false, true}) {
    Tape tape({batch.images});
    const Tensor logits = model->forward(batch.images, Mode::eval);
    const Tensor loss = is_log_odds ? log_odds_cross_entropy(logits, batch.labels, 3.0)
                                    : softmax_cross_entropy(logits, batch.labels, 3.0);
    tape.backward(sum(loss));
    const std::vector<float> gradients = tape.gradient(batch.images).to_host<float>(), losses = loss.to_host<float>();
    const std::size_t size = gradients.size() / 8;
    for (std::size_t i = 0; i < 8; ++i) {
      const ModelView& seen = e.models[0].images[i];
      const LossView& view = is_log_odds ? seen.log_odds : seen.cross_entropy;
      EXPECT_EQ(view.loss, losses[i]);
      EXPECT_TRUE(std::equal(view.gradient.begin(), view.gradient.end(),
                             gradients.begin() + static_cast<std::ptrdiff_t>(i * size)));
    }
  }
}

// Logits times 3000: the same classifier, but float32 cross-entropy has no gradient.
TEST(Explorer, WithoutAGradientThePathStandsStill) {
  const auto model = golden_model(3000);
  const ImageSet images = golden_images(8);
  const Exploration e = explore({{model.get(), "run", "resnet8"}}, images, options(8));
  const nlohmann::json json = to_json(e);
  int still = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    const ModelView& seen = e.models[0].images[i];
    const nlohmann::json& part = json["models"][0]["images"][i];
    EXPECT_FALSE(part["log-odds"]["gradient"].is_null());
    EXPECT_GT(std::ranges::count_if(seen.log_odds.path.signs, [](int s) { return s != 0; }), 0);
    if (seen.kind == wrong || std::ranges::count(seen.cross_entropy.gradient, 0.0f) < images.pixels()) continue;
    ++still;
    EXPECT_TRUE(part["ce"]["gradient"].is_null());
    EXPECT_TRUE(part["cosine"].is_null());
    EXPECT_EQ(part["ce"]["zeros"], 1);
    if (seen.cross_entropy.path.fooled_after(images.labels[i]) < 0) {
      EXPECT_EQ(std::ranges::count(seen.cross_entropy.path.signs, 0), std::ssize(seen.cross_entropy.path.signs));
    }
  }
  EXPECT_GE(still, 4);
}

double dot_of(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}
double apart(const PlanePoint& a, const PlanePoint& b) { return std::hypot(a[0] - b[0], a[1] - b[1]); }
double apart(std::span<const float> a, std::span<const float> b) {
  double squares = 0;
  for (std::size_t k = 0; k < a.size(); ++k) squares += std::pow(static_cast<double>(a[k]) - b[k], 2);
  return std::sqrt(squares);
}

// Five random prototypes in seven dimensions; logits of a feature.
struct Head {
  std::vector<float> prototypes, bias, feature, logits;
  explicit Head(std::size_t classes, std::size_t d = 7) {
    const RandomKey key{1, random_stream("explorer_test")};
    const auto draw = [&, at = std::uint64_t{0}]() mutable { return 4 * uniform01(philox(key, at++)[0]) - 2; };
    std::generate_n(std::back_inserter(prototypes), classes * d, draw);
    std::generate_n(std::back_inserter(bias), classes, draw);
    std::generate_n(std::back_inserter(feature), d, draw);
    for (std::size_t j = 0; j < classes; ++j)
      logits.push_back(std::inner_product(feature.begin(), feature.end(), row(j).begin(), bias[j]));
  }
  [[nodiscard]] std::span<const float> row(std::size_t j) const {
    return std::span(prototypes).subspan(j * feature.size(), feature.size());
  }
  [[nodiscard]] ClassPlane plane(bool is_cosine = false) const {
    return {logits, feature, prototypes, bias, is_cosine};
  }
};

void expect_orthonormal(const ClassPlane& p) {
  EXPECT_NEAR(dot_of(p.u(), p.u()), 1, 1e-12);
  EXPECT_NEAR(dot_of(p.v(), p.v()), 1, 1e-12);
  EXPECT_NEAR(dot_of(p.u(), p.v()), 0, 1e-12);
}

TEST(ExplorerPlane, IsOrthonormalAndKeepsDistancesAndDecisions) {
  const Head head(5);
  const ClassPlane plane = head.plane();
  expect_orthonormal(plane);
  const PlanePoint q = plane.project(head.feature);
  ASSERT_EQ(plane.nearest().size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto a = static_cast<std::size_t>(plane.nearest()[i]);
    const PlanePoint pa = plane.prototypes()[a];
    EXPECT_NEAR(plane.distances()[i], apart(head.feature, head.row(a)), 1e-12);
    // Pythagoras: the distance to a point of the plane, from the part beside it and the part in it.
    EXPECT_NEAR(std::hypot(plane.distance_to(head.feature), apart(q, pa)), plane.distances()[i], 1e-12);
    for (std::size_t j = 0; j < 3; ++j) {
      const auto b = static_cast<std::size_t>(plane.nearest()[j]);
      const PlanePoint pb = plane.prototypes()[b];
      EXPECT_NEAR(apart(pa, pb), apart(head.row(a), head.row(b)), 1e-12);
      // Scores differ as the logits do; these are float32 sums of seven products.
      EXPECT_NEAR(q[0] * (pa[0] - pb[0]) + q[1] * (pa[1] - pb[1]) + plane.offsets()[i] - plane.offsets()[j],
                  head.logits[a] - head.logits[b], 1e-5);
    }
  }
  EXPECT_TRUE(head.logits[static_cast<std::size_t>(plane.nearest()[0])] == *std::ranges::max_element(head.logits));
}

TEST(ExplorerPlane, ACosineClassifierHasPointsOfLengthOne) {
  Head head(5);
  const ClassPlane plane = head.plane(true);
  expect_orthonormal(plane);
  std::vector<float> twice = head.feature;
  for (float& f : twice) f *= 2;
  for (int k = 0; k < 2; ++k) EXPECT_NEAR(plane.project(twice)[k], plane.project(head.feature)[k], 1e-12);
  for (const double d : plane.distances()) EXPECT_LE(d, 2);
}

TEST(ExplorerPlane, ExistsWhereThreePrototypesSpanNone) {
  expect_orthonormal(Head(2).plane());
  EXPECT_EQ(Head(2).plane().nearest().size(), 2u);
  Head same(4);
  for (std::size_t k = 0; k < same.prototypes.size(); ++k) same.prototypes[k] = same.prototypes[k % 7];
  const ClassPlane flat = same.plane();
  expect_orthonormal(flat);
  for (const PlanePoint& p : flat.prototypes()) EXPECT_NEAR(std::hypot(p[0], p[1]), 0, 1e-6);
  const ClassPlane line = Head(3, 1).plane();  // one feature: nothing is orthogonal to the first direction
  EXPECT_NEAR(dot_of(line.u(), line.u()), 1, 1e-12);
  EXPECT_EQ(line.v(), std::vector<double>{0});
}

std::vector<int> bytes_of(const std::string& base64) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<int> bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char c : base64) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<unsigned>(alphabet.find(c));
    if ((count += 6) >= 8) bytes.push_back(static_cast<int>(bits >> (count -= 8) & 255));
  }
  return bytes;
}

TEST(ExplorerPacking, KeepsSignsExactlyAndNumbersToTheirScale) {
  const std::vector<std::int8_t> signs = {1, 0, -1, -1, 1, 0, 1};
  const std::vector<int> packed = bytes_of(pack_signs(signs));
  ASSERT_EQ(packed.size(), 2u);
  for (std::size_t i = 0; i < signs.size(); ++i)
    EXPECT_EQ(packed[i / 5] / static_cast<int>(std::pow(3, i % 5)) % 3 - 1, signs[i]) << i;
  EXPECT_THAT(bytes_of(pack_pixels(std::vector<float>{0, 0.5f, 1, 100.0f / 255})), ElementsAre(0, 128, 255, 100));
  EXPECT_THAT(bytes_of(pack_signed(std::vector<float>{-0.1f, 0, 0.05f, 0.1f}, 0.1f)), ElementsAre(0, 127, 191, 254));
  EXPECT_THAT(bytes_of(pack_roots(std::vector<float>{-4, 0, 1, 4}, 4)), ElementsAre(0, 127, 191, 254));
  EXPECT_THAT(bytes_of(pack_signed(std::vector<float>{0}, 0)), ElementsAre(127));  // ε = 0
}

TEST(Explorer, ThePageIsAsLargeAsForetoldAndAtMostThreeMegabytes) {
  const auto model = golden_model();
  const testing::TemporaryFolder folder;
  const ModelToExplore about{model.get(), "run", "resnet8"};
  const std::int64_t bytes =
      write_explorer(folder / "page.html", explore({about, about}, golden_images(20), options(12, 20)));
  EXPECT_EQ(bytes, static_cast<std::int64_t>(std::filesystem::file_size(folder / "page.html")));
  const std::int64_t foretold = page_bytes(12, 2, 28 * 28, 10, 20);
  EXPECT_LE(bytes, foretold);
  EXPECT_GE(bytes, foretold / 2);
  EXPECT_LT(foretold, 1'000'000);
  EXPECT_LE(page_bytes(12, 2, 32 * 32 * 3, 10, 20), kMostPageBytes);  // CIFAR-10
  const std::string refused = mistake_of([&] { (void)explore({about}, golden_images(20), options(20, 2000)); });
  EXPECT_THAT(refused, HasSubstr("--images 20: a page of 1 model and 2000 steps on images of 28x28x1 would have"));
  EXPECT_THAT(refused, HasSubstr("--images 2 fits"));
  EXPECT_THAT(mistake_of([&] { (void)explore({about}, golden_images(20), options(1, 100'000)); }),
              HasSubstr("take fewer --steps"));
  EXPECT_THAT(mistake_of([&] { (void)explore({about}, golden_images(4), options(5)); }),
              HasSubstr("--images 5: there are only 4 test images"));
}

}  // namespace
}  // namespace kelvin
