// Throughput of the data side: batches from the loader, and corruptions.
//
//   load          batches as in training: shuffled, standard augmentation, float32, one worker thread
//   corrupt-NAME  one corruption, or corrupt-all and corrupt-extra, at all five severities; each image at each severity counts as one
#pragma once

#include <string>

#include "apps/bench/bench.h"

namespace kelvin {

[[nodiscard]] bool is_data_case(const std::string& name);

// `data`: the set, whose test half is used (for `load`, too); empty: 500 smooth random images of the options' size. Throws a mistake for unknown
// corruptions.
[[nodiscard]] BenchRow run_data_bench(const std::string& name, const BenchOptions& options, const std::string& data);

}  // namespace kelvin
