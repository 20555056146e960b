#include "apps/report/run_figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace kelvin {
namespace {

using nlohmann::json;

constexpr double kNormalQuantile = 1.959964;  // of a two-sided 95 % interval

const json& absent() {
  static const json null;
  return null;
}

const json& member(const json& object, const std::string& name) {
  if (!object.is_object()) return absent();
  const auto found = object.find(name);
  return found == object.end() ? absent() : *found;
}

std::string text_in(const json& object, const char* name) {
  const json& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

double tau_in(const json& results) {
  if (const auto tau = number_at(results, {"train", "tau"})) return *tau;
  for (const json& result : results)
    if (const auto tau = number_at(result, {"train_tau"})) return *tau;
  return std::numeric_limits<double>::quiet_NaN();
}

// Whether a result is about the model and the data of the training.
bool is_of_the_run(const RunResults& run, const json& result) {
  const std::string data = text_in(member(*run.results, "train"), "data"), other = text_in(result, "data");
  return !result.contains("logit_scale") && !result.contains("checkpoint") &&
         (data.empty() || other.empty() || data == other);
}

std::vector<double> flags_of(const json& result) {
  std::vector<double> flags;
  for (const char c : text_in(result, "correct")) flags.push_back(c == '1' ? 1 : 0);
  return flags;
}

std::string corruptions_in(const json& result) {
  std::string text;
  for (const json& row : member(result, "rows"))
    text += text_in(row, "corruption") + ' ' + std::to_string(number_at(row, {"severity"}).value_or(0)) + '\n';
  return text;
}

double mean_of_first(const std::vector<double>& values, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += values[i];
  return sum / static_cast<double>(n);
}

ImageComparison paired(const std::vector<double>& a, const std::vector<double>& b) {
  const std::size_t n = std::min(a.size(), b.size());
  const auto images = static_cast<double>(n);
  ImageComparison c{.n = static_cast<std::int64_t>(n),
                    .is_paired = true,
                    .first = mean_of_first(a, n),
                    .second = mean_of_first(b, n),
                    .difference = {}};
  const double size = c.first - c.second;
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    squares += (a[i] - b[i] - size) * (a[i] - b[i] - size);
    c.only_first += a[i] > b[i] ? 1 : 0;
    c.only_second += b[i] > a[i] ? 1 : 0;
  }
  const double half = n > 1 ? kNormalQuantile * std::sqrt(squares / (images - 1) / images) : 1;
  c.difference = {size, size - half, size + half};
  return c;
}

}  // namespace

std::optional<double> number_at(const json& object, std::initializer_list<const char*> path) {
  const json* at = &object;
  for (const char* name : path) at = &member(*at, name);
  if (!at->is_number() || !std::isfinite(at->get<double>())) return {};
  return at->get<double>();
}

std::vector<RunResults> runs_with_tau(const json& runs) {
  std::vector<RunResults> list;
  for (const json& run : runs) {
    const json& results = member(run, "results");
    const json& diverged = member(member(results, "train"), "diverged");
    if (!results.is_object() || (diverged.is_boolean() && diverged.get<bool>())) continue;
    if (const double tau = tau_in(results); tau > 0) list.push_back({text_in(run, "name"), &results, tau});
  }
  std::ranges::stable_sort(list, {}, &RunResults::tau);
  return list;
}

const json& result_of(const RunResults& run, const std::string& name) {
  if (const json& usual = member(*run.results, name); usual.is_object()) return usual;
  const json* best = &absent();
  for (const auto& [key, result] : run.results->items()) {
    const std::string variant = text_in(result, "variant");
    if (variant.empty() || key != name + "-" + variant || !is_of_the_run(run, result)) continue;
    if (number_at(result, {"n"}).value_or(0) > number_at(*best, {"n"}).value_or(-1)) best = &result;
  }
  return *best;
}

std::vector<const json*> pgd_results(const RunResults& run, const std::string& loss, double attack_tau,
                                     const std::string& targeted) {
  std::vector<const json*> list;
  for (const auto& [key, result] : run.results->items())
    if (key.starts_with("attack-") && result.is_object() && is_of_the_run(run, result) &&
        text_in(result, "attack") == "pgd" && text_in(result, "loss") == loss &&
        number_at(result, {"attack_tau"}) == attack_tau && text_in(result, "targeted") == targeted && share_of(result))
      list.push_back(&result);
  std::ranges::stable_sort(list, std::greater(), [](const json* r) { return number_at(*r, {"n"}).value_or(0); });
  return list;
}

bool is_same_attack(const json& a, const json& b) {
  constexpr std::array settings = {"norm", "eps", "step", "steps", "restarts", "seed", "precision", "data"};
  return std::ranges::all_of(settings, [&](const char* name) {
    const json &x = member(a, name), &y = member(b, name);
    return x.is_null() || y.is_null() || x == y;
  });
}

std::vector<double> image_shares(const json& result) {
  const json& rows = member(result, "rows");
  if (!rows.is_array()) return flags_of(result);
  std::vector<double> shares;
  for (const json& row : rows) {
    const std::vector<double> flags = flags_of(row);
    if (flags.empty() || (!shares.empty() && flags.size() != shares.size())) return {};
    shares.resize(flags.size());
    for (std::size_t i = 0; i < flags.size(); ++i) shares[i] += flags[i] / static_cast<double>(rows.size());
  }
  return shares;
}

std::optional<double> share_of(const json& result) {
  for (const char* name : {"robust_accuracy", "mean_accuracy", "accuracy"})
    if (const auto share = number_at(result, {name})) return share;
  return {};
}

std::optional<ImageComparison> compare_images(const json& first, const json& second) {
  if (corruptions_in(first) != corruptions_in(second)) return {};
  const std::vector<double> a = image_shares(first), b = image_shares(second);
  if (!a.empty() && !b.empty()) return paired(a, b);
  const auto p = share_of(first), q = share_of(second), n = number_at(first, {"n"}), m = number_at(second, {"n"});
  if (!p || !q || !n || !m || *n < 1 || *m < 1) return {};
  const double half = kNormalQuantile * std::sqrt(*p * (1 - *p) / *n + *q * (1 - *q) / *m);
  return ImageComparison{.n = static_cast<std::int64_t>(std::min({*n, *m, 1e15})),
                         .first = *p,
                         .second = *q,
                         .difference = {*p - *q, *p - *q - half, *p - *q + half}};
}

}  // namespace kelvin
