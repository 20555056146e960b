#include <algorithm>
#include <charconv>
#include <cmath>

#include "apps/attacks/ball.h"
#include "apps/attacks/hyperplane.h"
#include "apps/explorer/exploration.h"
#include "apps/explorer/packed.h"

namespace kelvin {
namespace {

using nlohmann::json;

// The double of a float's shortest text: JSON writes 0.1, not 0.10000000149011612. Null where there is no number.
json number_json(double value) { return std::isfinite(value) ? json(value) : json(); }
json float_json(float value) { return std::isfinite(value) ? json(std::stod(exact(value))) : json(); }
// Five digits: for points of a figure.
json rounded(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.5g", value);
  return number_json(std::strtod(text, nullptr));
}
// A coordinate that is rounding of the other is 0.
json rounded(const PlanePoint& p) {
  const double least = 1e-12 * std::hypot(p[0], p[1]);
  return {rounded(std::abs(p[0]) < least ? 0 : p[0]), rounded(std::abs(p[1]) < least ? 0 : p[1])};
}

template <class Range, class F>
json list_of(const Range& range, const F& f) {
  json list = json::array();
  for (const auto& item : range) list.push_back(f(item));
  return list;
}

json to_json(const AttackPath& path, std::int32_t label, const ClassPlane& plane) {
  return {{"loss", list_of(path.points, [](const PathPoint& p) { return float_json(p.loss); })},
          {"margin", list_of(path.points, [](const PathPoint& p) { return float_json(p.margin); })},
          {"prediction", list_of(path.points, [](const PathPoint& p) { return p.prediction; })},
          {"plane", list_of(path.points, [&](const PathPoint& p) { return rounded(plane.project(p.feature)); })},
          {"fooled_after", path.fooled_after(label)},
          {"signs", pack_signs(path.signs)}};
}

json to_json(const LossView& view, std::int32_t label, const ClassPlane& plane) {
  float largest = 0;
  for (const float g : view.gradient) largest = std::max(largest, std::abs(g));
  const auto zeros = static_cast<double>(std::ranges::count(view.gradient, 0.0f));
  return {{"loss", float_json(static_cast<float>(view.loss))},
          {"largest", float_json(largest)},
          {"l2", rounded(std::sqrt(dot(view.gradient, view.gradient)))},
          {"zeros", zeros / static_cast<double>(view.gradient.size())},
          {"gradient", largest > 0 ? json(pack_roots(view.gradient, largest)) : json()},
          {"path", to_json(view.path, label, plane)}};
}

// Null where either gradient is zero.
json cosine_json(const std::vector<float>& a, const std::vector<float>& b) {
  const double lengths = std::sqrt(dot(a, a)) * std::sqrt(dot(b, b));
  return lengths > 0 ? rounded(dot(a, b) / lengths) : json();
}

json to_json(const ClassPlane& plane, const std::vector<float>& feature) {
  return {{"nearest", plane.nearest()},
          {"prototypes", list_of(plane.prototypes(), [](const PlanePoint& p) { return rounded(p); })},
          {"offsets", list_of(plane.offsets(), [](double v) { return rounded(v); })},
          {"distances", list_of(plane.distances(), [](double v) { return rounded(v); })},
          {"feature", rounded(plane.project(feature))},
          {"beside", rounded(plane.distance_to(feature))}};
}

json to_json(const ModelView& view, std::int32_t label) {
  return {{"kind", name_of(view.kind)},
          {"prediction", view.prediction},
          {"margin", float_json(view.margin)},
          {"logits", list_of(view.logits, [](float z) { return float_json(z); })},
          {"cosine", cosine_json(view.cross_entropy.gradient, view.log_odds.gradient)},
          {"ce", to_json(view.cross_entropy, label, view.plane)},
          {"log-odds", to_json(view.log_odds, label, view.plane)},
          {"plane", to_json(view.plane, view.feature)}};
}

}  // namespace

json to_json(const Exploration& e) {
  const auto size = static_cast<std::size_t>(e.images.pixels());
  json images = json::array(), models = json::array();
  std::vector<float> pixels(size), change(size);
  for (std::size_t i = 0; i < e.positions.size(); ++i) {
    e.images.copy_image(static_cast<std::int64_t>(i), pixels.data());
    for (std::size_t k = 0; k < size; ++k) change[k] = e.starts[i * size + k] - pixels[k];
    images.push_back({{"index", e.positions[i]},
                      {"label", e.images.labels[i]},
                      {"pixels", pack_pixels(pixels)},
                      {"start", pack_signed(change, e.attack.eps)}});
  }
  for (const ExploredModel& m : e.models) {
    json views = json::array();
    for (std::size_t i = 0; i < m.images.size(); ++i) views.push_back(to_json(m.images[i], e.images.labels[i]));
    models.push_back({{"run", m.about.run},
                      {"model", m.about.name},
                      {"tau", m.about.train_tau},
                      {"accuracy", m.accuracy},
                      {"notes", m.about.notes},
                      {"images", std::move(views)}});
  }
  return {{"data", e.data},
          {"class_names", e.class_names},
          {"height", e.images.height},
          {"width", e.images.width},
          {"channels", e.images.channels},
          {"chosen_from", e.chosen_from},
          {"attack",
           {{"eps", float_json(e.attack.eps)},
            {"step", float_json(e.attack.pgd.step_in(e.attack.eps))},
            {"steps", e.attack.pgd.steps},
            {"attack_tau", e.attack.attack_tau},
            {"random_start", e.attack.pgd.random_start},
            {"seed", e.attack.seed}}},
          {"images", std::move(images)},
          {"models", std::move(models)}};
}

std::int64_t page_bytes(std::int64_t images, std::int64_t models, std::int64_t pixels, std::int64_t classes,
                        std::int64_t steps) {
  constexpr std::int64_t kPage = 150'000;  // style and scripts
  const auto base64_of = [](std::int64_t bytes) { return 4 * ((bytes + 2) / 3); };
  const std::int64_t path = 60 * (steps + 1) + base64_of((steps * pixels + 4) / 5),
                     view = 1000 + 40 * classes + 2 * (base64_of(pixels) + path);
  return kPage + images * (200 + 2 * base64_of(pixels) + models * view);
}

}  // namespace kelvin
