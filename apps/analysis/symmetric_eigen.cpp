#include "apps/analysis/symmetric_eigen.h"

#define EIGEN_DONT_PARALLELIZE  // the same bits for any number of threads
#include <Eigen/Eigenvalues>

#include "kernels/device/error.h"

namespace kelvin {

SymmetricEigen symmetric_eigen(const std::vector<double>& matrix, std::size_t n, bool with_vectors) {
  KELVIN_CHECK(matrix.size() == n * n, "symmetric_eigen: ", matrix.size(), " numbers for n = ", n);
  const auto size = static_cast<Eigen::Index>(n);
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const RowMajor> a(matrix.data(), size, size);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(
      a, with_vectors ? Eigen::ComputeEigenvectors : Eigen::EigenvaluesOnly);
  KELVIN_CHECK(solver.info() == Eigen::Success, "the eigenvalues of a matrix of size ", n, " did not converge");
  SymmetricEigen eigen;
  for (Eigen::Index k = size - 1; k >= 0; --k) {  // the solver's are ascending
    eigen.values.push_back(solver.eigenvalues()[k]);
    if (!with_vectors) continue;
    const auto vector = solver.eigenvectors().col(k);
    eigen.vectors.insert(eigen.vectors.end(), vector.begin(), vector.end());
  }
  return eigen;
}

}  // namespace kelvin
