// What one rank of a test does (ranks_test.cpp starts them): "sums", "training resnet8 twice", ... Each checks its own results.
#pragma once

#include <string>
#include <vector>

namespace kelvin {

// The exit code; 0: all is as it should be. Prints what is not.
[[nodiscard]] int run_rank(const std::vector<std::string>& arguments);

}  // namespace kelvin
