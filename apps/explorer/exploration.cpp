#include "apps/explorer/exploration.h"

#include <algorithm>

#include "apps/attacks/gradient_at_start.h"
#include "apps/attacks/settings.h"
#include "apps/attacks/victim.h"
#include "models/frozen_weights.h"

namespace kelvin {
namespace {

constexpr int kMostImages = 64;

// The chosen images on a model's device, with their positions in the set, from which the attack draws its random start.
TensorBatch batch_of(const Exploration& e, Device device) {
  TensorBatch batch = tensor_batch(e.images, 0, e.images.count, device);
  const std::vector<std::int32_t> indices(e.positions.begin(), e.positions.end());
  batch.indices = Tensor::from_host<std::int32_t>(indices, {e.images.count}, device);
  return batch;
}

std::vector<float> row_at(const std::vector<float>& rows, std::size_t i, std::size_t width) {
  const auto first = rows.begin() + static_cast<std::ptrdiff_t>(i * width);
  return {first, first + static_cast<std::ptrdiff_t>(width)};
}

std::vector<LossView> views_under(AttackLoss loss, Model& model, const TensorBatch& batch, AttackOptions o) {
  o.loss = loss;
  const GradientPoint clean = look(model, batch.images, loss_of(loss, batch.labels, o.attack_tau));
  const std::vector<float> losses = clean.loss.to_host<float>(), gradients = clean.gradient.to_host<float>();
  std::vector<AttackPath> paths = attack_paths(model, batch, o);
  std::vector<LossView> views;
  for (std::size_t i = 0; i < paths.size(); ++i)
    views.push_back({row_at(gradients, i, gradients.size() / paths.size()), losses[i], std::move(paths[i])});
  return views;
}

ExploredModel explore_model(const ModelToExplore& about, const Exploration& e, const Predictions& predictions,
                            const std::vector<ImageKind>& kinds) {
  Model& model = *about.model;
  const TensorBatch batch = batch_of(e, model.parameters().values().device());
  const auto classes = static_cast<std::size_t>(model.spec().classes);
  const Answer answer{classes, 0, predictions.logits, {}, {}};
  std::vector<LossView> cross_entropy = views_under(AttackLoss::cross_entropy, model, batch, e.attack),
                        log_odds = views_under(AttackLoss::log_odds, model, batch, e.attack);
  const Tensor features = model.features(batch.images, Mode::eval);
  const std::vector<float> rows = features.to_host<float>(), prototypes = model.prototypes().value.to_host<float>(),
                           bias = model.prototype_bias().value.to_host<float>();
  ExploredModel out{about, evaluate(predictions, 1).accuracy, {}};
  for (std::size_t i = 0; i < e.positions.size(); ++i) {
    const std::size_t at = e.positions[i];
    std::vector<float> logits = row_at(predictions.logits, at, classes),
                       feature = row_at(rows, i, static_cast<std::size_t>(features.dim(1)));
    ClassPlane plane(logits, feature, prototypes, bias, model.spec().classifier == "cosine");
    out.images.push_back({kinds[at], answer.prediction(at), answer.margin(at, predictions.labels[at]),
                          std::move(logits), std::move(cross_entropy[i]), std::move(log_odds[i]), std::move(plane),
                          std::move(feature)});
  }
  return out;
}

void check_page_request(ExplorerOptions o, std::size_t models, const ImageSet& set, int classes) {
  check(explorer_fields(o));
  check(attack_fields(o.attack));
  check(pgd_fields(o.attack.pgd));
  require_radius(o.attack.eps, Norm::linf);
  const auto bytes = [&](std::int64_t images) {
    return page_bytes(images, static_cast<std::int64_t>(models), set.pixels(), classes, o.attack.pgd.steps);
  };
  if (o.images > set.count)
    throw mistake("images"_field, " ", o.images, ": there are only ", set.count, " test images");
  if (bytes(o.images) <= kMostPageBytes) return;
  std::int64_t fitting = o.images;
  while (fitting > 0 && bytes(fitting) > kMostPageBytes) --fitting;
  throw mistake("images"_field, " ", o.images, ": a page of ", models, models > 1 ? " models" : " model", " and ",
                o.attack.pgd.steps, " steps on images of ", set.height, "x", set.width, "x", set.channels,
                " would have ", bytes(o.images) / 1'000'000, " MB, at most ", kMostPageBytes / 1'000'000, "; ",
                fitting > 0 ? message("images"_field, " ", fitting, " fits") : message("take fewer ", "steps"_field));
}

}  // namespace

Fields explorer_fields(ExplorerOptions& o) {
  return {basic(field("images", o.images, in(1, kMostImages), "Test images on the page"))};
}

Exploration explore(const std::vector<ModelToExplore>& models, const ImageSet& set, const ExplorerOptions& o,
                    const CountFunction& progress) {
  check_page_request(o, models.size(), set, models.front().model->spec().classes);
  FrozenWeights frozen;
  const FrozenWeights::Use use(frozen);
  const auto parts = static_cast<std::int64_t>(2 * models.size());
  std::int64_t done = 0;
  const auto step_forward = [&] {
    if (progress) progress(++done, parts);
  };
  std::vector<Predictions> predictions;
  std::vector<std::vector<ImageKind>> kinds;
  for (const ModelToExplore& m : models) {
    predictions.push_back(predict(*m.model, set, o.batch_size));
    kinds.push_back(kinds_of(predictions.back()));
    step_forward();
  }
  Exploration e;
  e.chosen_from = set.count;
  e.attack = o.attack;
  e.positions = choose_images(kinds, static_cast<std::size_t>(o.images), o.seed);
  e.images = set.select({e.positions.begin(), e.positions.end()});
  e.starts = path_start(batch_of(e, {}), o.attack).to_host<float>();
  for (std::size_t m = 0; m < models.size(); ++m) {
    e.models.push_back(explore_model(models[m], e, predictions[m], kinds[m]));
    step_forward();
  }
  return e;
}

}  // namespace kelvin
