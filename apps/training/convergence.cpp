#include "apps/training/convergence.h"

#include <algorithm>
#include <cmath>

#include "apps/evaluation/percent.h"
#include "apps/run/json_output.h"
#include "engine/printable.h"

namespace kelvin {
namespace {

using Reason = NonConvergence::Reason;

constexpr std::int64_t kFewestSteps = 40;

// Mean loss and accuracy over some of the steps, and the deviation of the logged losses from their mean.
struct Period {
  double steps = 0, loss = 0, accuracy = 0, deviation = 0;
  int lines = 0;
  [[nodiscard]] double variance_of_mean() const { return lines > 1 ? deviation * deviation / lines : 0; }
};

// Over the steps from `begin` to `end`. A line counts by the part of its steps that lies there.
Period period(const std::vector<LoggedSteps>& logged, double begin, double end) {
  Period p;
  std::vector<double> losses;
  std::int64_t before = 0;
  for (const LoggedSteps& l : logged) {
    const double steps = std::min(static_cast<double>(l.step), end) - std::max(static_cast<double>(before), begin);
    before = l.step;
    if (steps <= 0) continue;
    p.steps += steps;
    p.loss += steps * l.loss;
    p.accuracy += steps * l.accuracy;
    losses.push_back(l.loss);
  }
  p.lines = static_cast<int>(losses.size());
  if (p.lines == 0) return p;
  p.loss /= p.steps;
  p.accuracy /= p.steps;
  double squares = 0;
  for (const double loss : losses) squares += (loss - p.loss) * (loss - p.loss);
  p.deviation = std::sqrt(squares / std::max(1, p.lines - 1));
  return p;
}

bool is_at_chance(double accuracy, double images, int classes) {
  const double chance = 1.0 / classes;
  const double error = std::sqrt(chance * (1 - chance) / images);
  return (accuracy - chance) / (1 - chance) < 0.02 || accuracy < chance + 3 * error;
}

// Whether the loss falls so fast that the run is too short rather than unable to converge.
bool falls(const Period& before, const Period& first_half, const Period& second_half) {
  const double last = (first_half.loss + second_half.loss) / 2;
  return last < 0.6 * before.loss && second_half.loss < 0.75 * first_half.loss;
}

bool rises(const Period& before, const Period& last) {
  const double error = std::sqrt(before.variance_of_mean() + last.variance_of_mean());
  return before.lines > 2 && last.lines > 2 && last.loss > 1.1 * before.loss && last.loss > before.loss + 3 * error &&
         last.accuracy < before.accuracy;
}

// Whether each line of the last quarter stands for less than half of the run.
bool is_on_file(const std::vector<LoggedSteps>& logged, double steps) {
  std::int64_t before = 0;
  for (const LoggedSteps& l : logged) {
    if (static_cast<double>(l.step) > 0.75 * steps && static_cast<double>(l.step - before) >= 0.5 * steps) return false;
    before = l.step;
  }
  return true;
}

const char* name_of(Reason reason) {
  switch (reason) {
    case Reason::chance: return "accuracy at chance";
    case Reason::loss: return "loss above that of a uniform guess";
    case Reason::rising: return "loss rising";
  }
  return "";
}

}  // namespace

std::optional<NonConvergence> judge_convergence(const std::vector<LoggedSteps>& logged, const ConvergenceQuestion& q) {
  if (logged.empty() || std::ranges::any_of(logged, [](const LoggedSteps& l) { return std::isnan(l.accuracy); }))
    return {};
  const auto steps = static_cast<double>(logged.back().step);
  const Period before = period(logged, 0.5 * steps, 0.75 * steps), last = period(logged, 0.75 * steps, steps);
  if (logged.back().step < kFewestSteps || !is_on_file(logged, steps)) return {};
  NonConvergence n{
      .loss = last.loss, .uniform_loss = std::log(q.classes), .accuracy = last.accuracy, .chance = 1.0 / q.classes};
  const auto because = [&n](Reason reason) {
    n.reason = reason;
    return n;
  };
  const bool is_tested_well = q.test_accuracy && !is_at_chance(*q.test_accuracy, 1e9, q.classes);
  if (is_at_chance(last.accuracy, last.steps * q.batch_size, q.classes) && !is_tested_well)
    return because(Reason::chance);
  if (!q.judges_loss) return {};
  if (last.loss > n.uniform_loss &&
      !falls(before, period(logged, 0.75 * steps, 0.875 * steps), period(logged, 0.875 * steps, steps)))
    return because(Reason::loss);
  if (rises(before, last)) return because(Reason::rising);
  return {};
}

std::optional<NonConvergence> judge_convergence(const RunFolder& run, const TrainOptions& o, int classes,
                                                std::optional<double> test_accuracy) {
  ConvergenceQuestion q{.classes = classes, .batch_size = o.batch_size, .test_accuracy = test_accuracy};
  q.judges_loss = !o.adversarial.is_on() && !o.learn_tau && o.fine_tuning.label_smoothing == 0 &&
                  o.tau.kind == TemperatureSchedule::Kind::constant;
  std::optional<NonConvergence> n = judge_convergence(logged_steps(run), q);
  if (!n) return {};
  n->tau = o.tau.at(o.epochs);
  n->lr = o.lr.base * (o.lr_times_tau ? n->tau : 1);
  return n;
}

Json to_json(const NonConvergence& n) {
  return {{"reason", name_of(n.reason)},
          {"loss", n.loss},
          {"uniform_loss", n.uniform_loss},
          {"accuracy", n.accuracy},
          {"chance", n.chance},
          {"lr", n.lr},
          {"tau", n.tau},
          {"lr_over_tau", n.lr / n.tau}};
}

Message text_of(const NonConvergence& n, const std::string& data, const std::string& model) {
  return message("training has not converged: over the last quarter of its steps the loss is ", three_digits(n.loss),
                 " (a uniform guess: ", three_digits(n.uniform_loss), ") and the accuracy ", percent(n.accuracy),
                 " (chance: ", percent(n.chance), "), at learning rate ", three_digits(n.lr), ", tau ",
                 three_digits(n.tau), ", learning rate / tau ", three_digits(n.lr / n.tau),
                 "; the largest rate that converges: kelvin sweep ", "preset"_field, " lr-boundary ", "grid"_field,
                 " tau=", three_digits(n.tau), " ", "data"_field, " ", printable(data), " ", "model"_field, " ", model,
                 " ", "out"_field, " boundary");
}

}  // namespace kelvin
