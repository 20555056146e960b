#include "apps/training/epoch_log.h"

#include <cmath>

namespace kelvin {

void EpochLog::count(std::int64_t images) {
  for (Count* const c : {&all_, &since_last_}) {
    ++c->steps;
    c->images += images;
  }
}

double EpochLog::mean_loss(const Learner::Totals& totals) const {
  return totals.loss / static_cast<double>(since_last_.steps);
}

void EpochLog::write(const Learner::Totals& totals, const At& at) {
  log_.write({{"kind", "step"},
              {"step", at.step},
              {"epoch", at.epoch},
              {"loss", mean_loss(totals)},
              {"accuracy", static_cast<double>(totals.correct) / static_cast<double>(since_last_.images)},
              {"lr", at.lr},
              {"tau", at.tau}});
  loss_ += totals.loss;
  correct_ += totals.correct;
  since_last_ = {};
}

Divergence EpochLog::write_divergence(double loss, const At& at) {
  log_.write({{"kind", "diverged"},
              {"step", at.step},
              {"epoch", at.epoch},
              {"loss", std::isfinite(loss) ? Json(loss) : Json(nullptr)},
              {"tau", at.tau},
              {"lr", at.lr}});
  return {at.step, loss, at.tau, at.lr};
}

EpochFigures EpochLog::figures() const {
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
  return {loss_ / static_cast<double>(all_.steps),
          static_cast<double>(correct_) / static_cast<double>(all_.images),
          static_cast<double>(all_.images) / seconds.count(),
          {}};
}

Json EpochLog::line(const EpochFigures& figures, std::uint32_t epochs, const At& at) {
  return {{"kind", "epoch"},
          {"epoch", epochs},
          {"step", at.step},
          {"train_loss", figures.train_loss},
          {"train_accuracy", figures.train_accuracy},
          {"lr", at.lr},
          {"tau", at.tau},
          {"img_per_s", figures.img_per_s}};
}

}  // namespace kelvin
