// Throughput of whole steps: training, inference and PGD on random images, with the share of time spent inside convolutions.
//
// A case is "<kind>-<model>": train-resnet20, infer-resnet18, pgd20-resnet20. After a warm-up, steps run for `seconds`. The rate is that of the
// fastest third of the time windows, because other work on the machine can only slow a window down.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"

namespace kelvin {

// The seconds of a monotonic clock.
[[nodiscard]] double now();

struct BenchOptions {
  DType precision = DType::f32;
  int batch_size = 128;
  int size = 32, channels = 3, classes = 10;
  double seconds = 5;    // for each case
  bool profile = false;  // also run a few steps under a profile
};

// One kernel or library call in a step: on a GPU all of them, on the CPU the expensive ones.
struct BenchProfileLine {
  std::string name;
  double milliseconds = 0, calls = 0;  // per step
};

struct BenchRow {
  std::string name;  // the case
  double img_per_s = 0;
  // CPU: shares of the step's time in convolutions, and in conversions of arguments to oneDNN's layouts; −1: not measured.
  double conv_share = -1, repack_share = -1;
  std::vector<BenchProfileLine> profile;  // most time first; empty unless asked for
  double pool_peak_mb = 0;                // peak memory of tensors
  double img_per_cpu_s = 0;               // data cases: images per second of processor time, all threads together
  double peak_rss_mb = 0;                 // peak resident memory of the process
};

// The names that --cases accepts, for messages.
inline constexpr const char* kBenchCases = "train-MODEL, infer-MODEL, pgdSTEPS-MODEL, load or corrupt-NAME";

// Peak resident memory of the process so far.
[[nodiscard]] double peak_rss_mb();

// Throws a mistake for unknown cases, and if oneDNN has only a reference implementation for a convolution, because its rate would be
// meaningless.
[[nodiscard]] BenchRow run_bench(const std::string& name, const BenchOptions& options, Device device);

}  // namespace kelvin
