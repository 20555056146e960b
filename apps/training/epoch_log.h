// The figures of one epoch while it is trained, and its lines of metrics.jsonl: one for every `log_every` steps, one if it diverged.
#pragma once

#include <chrono>

#include "apps/training/learner.h"
#include "apps/training/position.h"
#include "apps/training/training_log.h"

namespace kelvin {

class EpochLog {
 public:
  explicit EpochLog(TrainingLog& log) : log_(log) {}

  // Where a step stands: its number in the run (from 1), its position in epochs, the learning rate and τ that it used.
  struct At {
    std::int64_t step = 0;
    double epoch = 0, lr = 0, tau = 1;
  };

  void count(std::int64_t images);                                        // one more step
  [[nodiscard]] std::int64_t steps() const { return since_last_.steps; }  // since the last line
  [[nodiscard]] double mean_loss(const Learner::Totals& totals) const;    // of the steps since the last line
  void write(const Learner::Totals& totals, const At& at);                // their line
  [[nodiscard]] Divergence write_divergence(double loss, const At& at);
  [[nodiscard]] EpochFigures figures() const;  // of the lines written; img_per_s since this object was made
  // The line of the whole epoch, `epochs` with this one; not written, because measurements are added to it.
  [[nodiscard]] static Json line(const EpochFigures& figures, std::uint32_t epochs, const At& at);

 private:
  struct Count {
    std::int64_t steps = 0, images = 0;
  };

  TrainingLog& log_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Count all_, since_last_;
  double loss_ = 0;  // sum over the steps
  std::int64_t correct_ = 0;
};

}  // namespace kelvin
