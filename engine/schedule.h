// Schedules: how learning rate and temperature move over a run. Pure functions of progress, so a resumed run continues
// exactly where it stopped.
#pragma once

namespace kelvin {

// Learning rate at an epoch position e in [0, E), fractional between steps, with E = epochs:
//   constant  base
//   step      base x 0.1 from E/2 on and x 0.01 from 3E/4 on (Rice et al. 2020, 2002.11569)
//   cosine    base/2 (1 + cos(π e/E)) (Loshchilov & Hutter 2017, 1608.03983), 0 at the end
// During the first `warmup_epochs` the rate rises linearly from 0 to the schedule's value.
struct LearningRateSchedule {
  enum class Kind { constant, step, cosine } kind = Kind::cosine;
  double base = 0.1;
  double epochs = 1;
  double warmup_epochs = 0;

  [[nodiscard]] double at(double epoch) const;
};

// Temperature at an epoch position e in [0, E): from `start` to `end`.
//   constant  start
//   linear    start + (end − start) e/E
//   cosine    end + (start − end)/2 (1 + cos(π e/E))
//   cyclic    triangular between start and end with period `period` epochs: start -> end in its first half, back in its second
struct TemperatureSchedule {
  enum class Kind { constant, linear, cosine, cyclic } kind = Kind::constant;
  double start = 1;
  double end = 1;
  double epochs = 1;
  double period = 40;

  [[nodiscard]] double at(double epoch) const;
};

}  // namespace kelvin
