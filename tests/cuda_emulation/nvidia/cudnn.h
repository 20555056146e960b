// What tests may ask of the stand-in for cuDNN (cudnn.cpp).
#pragma once

namespace emulated {

struct CudnnSettings {
  // The first engine offered for a graph of several operations gives wrong results, as a broken release would.
  bool has_a_wrong_attention_engine = false;
  // Engines that can be planned but not run, as cuDNN's manual allows: the first one offered, or all of them.
  bool first_engine_fails = false, all_engines_fail = false;
};
CudnnSettings& cudnn_settings();

}  // namespace emulated
