// What a training writes while it runs: lines of metrics.jsonl, and the same figures as events of TensorBoard if they are wanted.
#pragma once

#include "apps/training/metrics.h"
#include "apps/training/tensorboard_log.h"

namespace kelvin {

struct TrainingLog {
  MetricsFile metrics;
  std::optional<TensorBoardLog> events = {};

  void write(const Json& line) {
    metrics.write(line);
    if (events) events->write(line);
  }
  void sync() const {
    metrics.sync();
    if (events) events->sync();
  }
};

}  // namespace kelvin
