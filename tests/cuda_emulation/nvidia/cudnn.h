// Settings of the stand-in for cuDNN (cudnn.cpp) for tests. KELVIN_EMULATION_MISSING names libraries that are missing (loader.cpp).
#pragma once

#include <cstdint>

namespace emulated {

struct CudnnSettings {
  // The first engine listed for a graph of several operations gives wrong results, as in a broken release.
  bool has_a_wrong_fused_engine = false;
  // Engines that can be planned but not run, as cuDNN's manual allows: the first one listed, or all of them.
  bool first_engine_fails = false, all_engines_fail = false;
  // A ReLU makes 0 of NaN, also if its graph asks to keep NaN.
  bool relu_drops_nan = false;
  // Images with more elements only have engines whose sums are less precise than float32.
  std::int64_t most_elements = INT64_MAX;
  std::size_t version = 91900;
};
CudnnSettings& cudnn_settings();

}  // namespace emulated
