// An exponential moving average of a model's weights, as timm's ModelEmaV3 keeps it: after every optimizer step
//   a ← a + (1 − d)(w − a)
// over parameters and buffers alike, so BatchNorm's running statistics are averaged too. It starts as a copy of the model.
//
// The average is in separate flat buffers. `exchange` swaps it with the model's values, so that an evaluation needs no second model:
//
//   WeightAverage average(model.parameters(), 0.999);
//   average.update();                               // after each step
//   { const WeightAverage::InModel scope(average); accuracy_of(model, ...); }
#pragma once

#include "engine/checkpoint.h"
#include "engine/parameters.h"

namespace kelvin {

class WeightAverage {
 public:
  // Keeps a reference to `parameters`. 0 <= decay < 1.
  WeightAverage(const Parameters& parameters, double decay);

  void update();
  // Starts again from the model's present values.
  void restart();
  void exchange();
  // Its flat buffers: the averages of BatchNorm's running statistics.
  [[nodiscard]] const Tensor& buffer_values() const { return buffers_; }
  // The average under "ema.<parameter>", to save and restore.
  [[nodiscard]] NamedTensors state() const;

  class InModel {
   public:
    explicit InModel(WeightAverage& average) : average_(average) { average_.exchange(); }
    ~InModel() { average_.exchange(); }
    InModel(const InModel&) = delete;
    InModel& operator=(const InModel&) = delete;

   private:
    WeightAverage& average_;
  };

 private:
  const Parameters& parameters_;
  float decay_;
  Tensor values_, buffers_, spare_;  // flat, as those of the parameters; spare_: as large as the larger
};

inline constexpr const char* kAveragePrefix = "ema.";

// Whether a checkpoint holds an average, and the file with the average under the model's own names.
[[nodiscard]] bool has_average(const SafetensorsFile& file);
[[nodiscard]] SafetensorsFile average_of(SafetensorsFile&& file);

}  // namespace kelvin
