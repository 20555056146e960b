// Eigenvalues (and vectors) of a real symmetric matrix, in double, by Eigen's SelfAdjointEigenSolver. O(n³): some seconds at n = 2048. The
// result is the same for any number of threads.
#pragma once

#include <cstddef>
#include <vector>

namespace kelvin {

struct SymmetricEigen {
  std::vector<double> values;   // descending
  std::vector<double> vectors;  // [n, n], row k belongs to values[k], length 1; empty unless asked for
};

// matrix [n, n], symmetric; only its lower half is read.
[[nodiscard]] SymmetricEigen symmetric_eigen(const std::vector<double>& matrix, std::size_t n,
                                             bool with_vectors = false);

}  // namespace kelvin
