#include "engine/schedule.h"

#include <cmath>
#include <numbers>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

// 1 at progress 0, 0 at progress 1
double cosine_decay(double progress) { return 0.5 * (1 + std::cos(std::numbers::pi * progress)); }

}  // namespace

double LearningRateSchedule::at(double epoch) const {
  const double progress = epoch / epochs;
  const double warmup = epoch < warmup_epochs ? epoch / warmup_epochs : 1;
  switch (kind) {
    case Kind::constant: return base * warmup;
    case Kind::step: return base * warmup * (progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01);
    case Kind::cosine: return base * warmup * cosine_decay(progress);
  }
  return base;
}

double TemperatureSchedule::at(double epoch) const {
  switch (kind) {
    case Kind::constant: return start;
    case Kind::linear: return start + (end - start) * epoch / epochs;
    case Kind::cosine: return end + (start - end) * cosine_decay(epoch / epochs);
    case Kind::cyclic: {
      const double phase = epoch / period - std::floor(epoch / period);  // in [0, 1)
      return start + (end - start) * (phase < 0.5 ? 2 * phase : 2 - 2 * phase);
    }
  }
  return start;
}

}  // namespace kelvin
