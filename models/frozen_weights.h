// Filters that are folded once instead of at every forward pass: for attacks and evaluation, in which a model's weights stand still.
//
//   FrozenWeights frozen;
//   {
//     const FrozenWeights::Use use(frozen);   // on this thread, for every model
//     model.forward(x, Mode::eval);           // the first pass folds each layer, later ones read what it made
//   }
//   frozen.refresh();                         // after the weights have changed: folds again
//
// `refresh` writes to the same memory, so that recorded steps (kernels/device/step_graph.h) stay valid. What was folded while a step was
// about to be recorded lies in the recording's memory: a FrozenWeights that serves one ends before it.
#pragma once

#include <map>
#include <utility>

#include "engine/ops/batch_norm.h"
#include "models/layers.h"

namespace kelvin {

class FrozenWeights {
 public:
  void refresh();

  class Use {
   public:
    explicit Use(FrozenWeights& frozen);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    FrozenWeights* before_;
  };

  // The layer's filter and bias for images of element type `dtype`: kept ones while a Use lives, else made for this call.
  [[nodiscard]] static FoldedFilter folded(const ConvNorm& layer, DType dtype);

 private:
  struct Kept {
    ConvNorm layer;
    FoldedFilter filter;
  };
  std::map<std::pair<const Parameter*, DType>, Kept> kept_;  // by the layer's filter
};

}  // namespace kelvin
