// Eigenvalues (and vectors) of a real symmetric matrix, in double: Householder reduction to tridiagonal form, then implicitly
// shifted QL (Golub & Van Loan, Matrix Computations, 8.3). O(n³): a few seconds at n = 2048. The same for any number of threads.
#pragma once

#include <cstddef>
#include <vector>

namespace kelvin {

struct SymmetricEigen {
  std::vector<double> values;   // descending
  std::vector<double> vectors;  // [n, n], row k belongs to values[k], length 1; empty unless asked for
};

// matrix [n, n], symmetric; only its lower half is read.
[[nodiscard]] SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::size_t n, bool with_vectors = false);

}  // namespace kelvin
