#include "apps/attacks/ensemble.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "apps/attacks/gradient_at_start.h"
#include "apps/attacks/targets.h"
#include "apps/evaluation/shared_batches.h"

namespace kelvin {
namespace {

constexpr int kPasses = 5;             // number of passes whose logits must agree
constexpr float kSameLogits = 1e-4f;   // the largest relative difference that counts as agreement
constexpr double kSquareFlag = 0.002;  // the largest loss of accuracy to Square that needs no warning
constexpr std::size_t kCheckedImages = 50;

// Whether an image is still robust: correctly classified, or not at its target yet, and not broken by a member.
std::vector<std::size_t> standing(const std::vector<AttackedImage>& images,
                                  const std::vector<std::vector<float>>& found) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const AttackedImage& image = images[i];
    if ((image.target < 0 ? image.is_clean_correct() : image.clean_prediction != image.target) && found[i].empty())
      rows.push_back(i);
  }
  return rows;
}

void check_outputs(const Victim& victim, const ImageSet& set, const AttackOptions& options,
                   std::vector<std::string>& warnings) {
  const ImageBatch few = image_batch(set, all_rows(std::min(kCheckedImages, static_cast<std::size_t>(set.count))));
  const Answer first = victim.classify(few, few.pixels);
  const bool expects_randomness = options.attack == "autoattack" && options.autoattack.version == "rand";
  for (int pass = 1; pass < kPasses && !expects_randomness; ++pass) {
    const Answer again = victim.classify(few, few.pixels);
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < first.logits.size(); ++i) {
      difference += std::abs(static_cast<double>(again.logits[i]) - static_cast<double>(first.logits[i]));
      size += std::abs(static_cast<double>(first.logits[i]));
    }
    bool same_classes = true;
    for (std::size_t row = 0; row < few.count(); ++row)
      same_classes = same_classes && again.prediction(row) == first.prediction(row);
    if (same_classes && difference <= static_cast<double>(kSameLogits) * size) continue;
    warnings.emplace_back("the model answers the same image differently: use the version rand");
    break;
  }
  bool are_probabilities = few.count() > 0;
  for (std::size_t row = 0; row < few.count() && are_probabilities; ++row) {
    double total = 0;
    for (const float z : first.logits_of(row)) {
      are_probabilities = are_probabilities && z >= 0 && z <= 1;
      total += static_cast<double>(z);
    }
    are_probabilities = are_probabilities && std::abs(total - 1) < 1e-5;
  }
  if (are_probabilities) warnings.emplace_back("the outputs look like probabilities; the attacks expect logits");
}

// What a member did to one image.
struct Attempt {
  std::uint8_t is_broken = 0, has_no_gradient = 0;
  float distance = -1;  // −1: none
};

std::int64_t run_member(const Member& member, const Victim& victim, const ImageSet& set, const AttackOptions& options,
                        AttackResult& result, std::vector<std::vector<float>>& found, int position,
                        const std::function<void(std::int64_t)>& progress) {
  const std::vector<std::size_t> robust = standing(result.images, found);
  std::vector<Attempt> attempts(robust.size());
  std::vector<std::vector<float>> broken(robust.size());
  const auto run_batch = [&](std::int64_t first, std::int64_t n) {
    const auto at = static_cast<std::size_t>(first);
    const std::span<const std::size_t> rows(robust.data() + at, static_cast<std::size_t>(n));
    ImageBatch batch = image_batch(set, rows);
    for (const std::size_t row : rows)
      if (result.images[row].target >= 0) batch.targets.push_back(result.images[row].target);
    const MemberResult r = member.run(victim, batch);
    for (std::size_t k = 0; k < rows.size(); ++k) {
      Attempt& attempt = attempts[at + k];
      attempt.is_broken = r.broken[k];
      if (!r.no_gradient.empty()) attempt.has_no_gradient = r.no_gradient[k];
      if (!r.distance.empty() && std::isfinite(r.distance[k])) attempt.distance = r.distance[k];
      if (r.broken[k] != 0)
        broken[at + k].assign(r.pixels.begin() + static_cast<std::ptrdiff_t>(k * batch.size()),
                              r.pixels.begin() + static_cast<std::ptrdiff_t>((k + 1) * batch.size()));
    }
  };
  each_own_batch(std::ssize(robust), options.batch_size, run_batch,
                 [&](std::int64_t done, std::int64_t /*total*/) { progress(done); });
  share_rows(std::span(attempts), 1, options.batch_size);
  share_rows(broken, options.batch_size);

  std::int64_t without_gradient = 0;
  for (std::size_t k = 0; k < robust.size(); ++k) {
    AttackedImage& image = result.images[robust[k]];
    without_gradient += attempts[k].has_no_gradient;
    if (attempts[k].distance >= 0) image.minimal_distance = attempts[k].distance;
    if (attempts[k].is_broken == 0) continue;
    image.broken_by = position;
    found[robust[k]] = std::move(broken[k]);
  }
  result.members.push_back({.name = member.name, .attacked = static_cast<std::int64_t>(robust.size())});
  return without_gradient;
}

// Classifies the images that the members returned once more. The result uses these predictions, not the members' reports.
void verify(Model& model, const ImageSet& set, const AttackOptions& options,
            const std::vector<std::vector<float>>& found, AttackResult& result, const AttackedBatchFunction& on_batch) {
  const Device device = model.parameters().values().device();
  const Victim victim(model);
  each_own_batch(set, options.batch_size, device, [&](const TensorBatch& batch) {
    std::vector<float> pixels = batch.images.to_host<float>();
    const auto n = static_cast<std::size_t>(batch.images.dim(0)), first = static_cast<std::size_t>(batch.first);
    const std::size_t size = pixels.size() / n;
    for (std::size_t i = 0; i < n; ++i)
      std::copy(found[first + i].begin(), found[first + i].end(),
                pixels.begin() + static_cast<std::ptrdiff_t>(i * size));
    const Tensor adversarial = Tensor::from_host<float>(pixels, batch.images.shape(), device);
    const ImageBatch shape{set.height, set.width, set.channels, {}, {}, {}};
    const Answer a = victim.classify(shape, pixels);
    const ImageDistances moved = distances(adversarial, batch.images);
    for (std::size_t i = 0; i < n; ++i) {
      AttackedImage& image = result.images[first + i];
      image.adversarial_prediction = a.prediction(i);
      image.adversarial_margin = a.margin(i, image.label);
      if (image.withstood()) image.broken_by = -1;
      image.linf = moved.linf[i];
      image.l2 = moved.l2[i];
      if (!found[first + i].empty()) image.displacement = moved.linf[i];
    }
    if (on_batch) on_batch(batch.first, batch.images, adversarial);
  });
  share_rows(std::span(result.images), 1, options.batch_size);
}

}  // namespace

AttackResult run_members(Model& model, const ImageSet& set, const AttackOptions& options,
                         const std::vector<Member>& members, const AttackedBatchFunction& on_batch,
                         const AttackProgress& progress) {
  using Clock = std::chrono::steady_clock;
  const Victim victim(model);
  AttackResult result;
  result.images.resize(static_cast<std::size_t>(set.count));
  each_own_batch(set, options.batch_size, model.parameters().values().device(), [&](const TensorBatch& batch) {
    const std::vector<std::int32_t> targets = choose_targets(model, batch, options);
    const GradientPoint p =
        look(model, batch.images, loss_of(options.loss, goals_of(batch, targets), options.attack_tau));
    std::ranges::copy(describe_clean(batch, p, targets), result.images.begin() + batch.first);
  });
  share_rows(std::span(result.images), 1, options.batch_size);
  check_outputs(victim, set, options, result.warnings);

  std::vector<std::vector<float>> found(result.images.size());  // the adversarial image of each, empty while robust
  const auto total = static_cast<std::int64_t>(members.size()) * set.count;
  for (std::size_t m = 0; m < members.size(); ++m) {
    const auto start = Clock::now();
    const auto before = static_cast<std::int64_t>(standing(result.images, found).size());
    const auto finished = static_cast<std::int64_t>(m) * set.count;
    const std::int64_t without_gradient =
        run_member(members[m], victim, set, options, result, found, static_cast<int>(m), [&](std::int64_t done) {
          if (progress) progress(finished + done, total);
        });
    MemberSummary& summary = result.members.back();
    const auto after = static_cast<std::int64_t>(standing(result.images, found).size());
    summary.broken = before - after;
    summary.robust_accuracy = static_cast<double>(after) / static_cast<double>(std::max<std::int64_t>(set.count, 1));
    summary.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (without_gradient > 0)
      result.warnings.push_back(str(members[m].name, ": ", without_gradient, " of ", summary.attacked,
                                    " images have a first gradient of exactly zero"));
    if (members[m].name == "square" && m > 0 &&
        static_cast<double>(before - after) > kSquareFlag * static_cast<double>(set.count))
      result.warnings.push_back(str("Square broke ", before - after,
                                    " images that gradient attacks had not: those gradients are not to be trusted"));
    if (progress) progress(finished + set.count, total);
  }
  verify(model, set, options, found, result, on_batch);
  return result;
}

}  // namespace kelvin
