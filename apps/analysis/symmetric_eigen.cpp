#include "apps/analysis/symmetric_eigen.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/device/error.h"
#include "kernels/device/threads.h"

namespace kelvin {
namespace {

struct Tridiagonal {
  std::vector<double> diagonal, off;  // off[k] couples k and k + 1
  std::vector<double> basis;          // [n, n] rows: Qᵀ with Qᵀ A Q = T; empty unless asked for
};

// Step k reflects column k below the diagonal onto its first entry: H = I − β v vᵀ, A ← H A H on what is left.
Tridiagonal tridiagonalize(std::vector<double>& a, std::size_t n, bool with_basis) {
  Tridiagonal t;
  t.diagonal.resize(n);
  t.off.assign(n, 0);
  if (with_basis) {
    t.basis.assign(n * n, 0);
    for (std::size_t i = 0; i < n; ++i) t.basis[i * n + i] = 1;
  }
  std::vector<double> v(n), p(n);
  for (std::size_t k = 0; k + 1 < n; ++k) {
    double norm = 0;
    for (std::size_t i = k + 1; i < n; ++i) norm += a[i * n + k] * a[i * n + k];
    norm = std::sqrt(norm);
    const double first = a[(k + 1) * n + k], image = first > 0 ? -norm : norm;
    t.off[k] = image;
    double vv = 0;
    for (std::size_t i = k + 1; i < n; ++i) {
      v[i] = a[i * n + k] - (i == k + 1 ? image : 0);
      vv += v[i] * v[i];
    }
    if (vv == 0) continue;  // already tridiagonal here
    const double beta = 2 / vv;
    const auto begin = static_cast<std::ptrdiff_t>(k + 1), end = static_cast<std::ptrdiff_t>(n);
    // p = β A v and w = p − (β/2)(pᵀv) v, so that H A H = A − v wᵀ − w vᵀ. The full square is kept: rows read along memory.
#pragma omp parallel for schedule(static) num_threads(usable_threads())
    for (std::ptrdiff_t i = begin; i < end; ++i) {
      double sum = 0;
      for (std::ptrdiff_t j = begin; j < end; ++j) sum += a[i * end + j] * v[j];
      p[i] = beta * sum;
    }
    double pv = 0;
    for (std::size_t i = k + 1; i < n; ++i) pv += p[i] * v[i];
    for (std::size_t i = k + 1; i < n; ++i) p[i] -= beta / 2 * pv * v[i];
#pragma omp parallel for schedule(static) num_threads(usable_threads())
    for (std::ptrdiff_t i = begin; i < end; ++i)
      for (std::ptrdiff_t j = begin; j < end; ++j) a[i * end + j] -= v[i] * p[j] + p[i] * v[j];
    if (!with_basis) continue;
    std::vector<double> vq(n, 0);  // basis ← H basis
    for (std::size_t i = k + 1; i < n; ++i)
      for (std::size_t c = 0; c < n; ++c) vq[c] += v[i] * t.basis[i * n + c];
    for (std::size_t i = k + 1; i < n; ++i)
      for (std::size_t c = 0; c < n; ++c) t.basis[i * n + c] -= beta * v[i] * vq[c];
  }
  for (std::size_t i = 0; i < n; ++i) t.diagonal[i] = a[i * n + i];
  return t;
}

// Rotates T towards diagonal form from the bottom of each unreduced block up to its top, with Wilkinson's shift.
void diagonalize(Tridiagonal& t, std::size_t n) {
  constexpr int kMostSweeps = 100;
  std::vector<double>&d = t.diagonal, &e = t.off;
  const double eps = std::numeric_limits<double>::epsilon();
  for (std::size_t top = 0; top < n; ++top) {
    for (int sweep = 0;; ++sweep) {
      std::size_t bottom = top;
      while (bottom + 1 < n && std::abs(e[bottom]) > eps * (std::abs(d[bottom]) + std::abs(d[bottom + 1]))) ++bottom;
      if (bottom == top) break;
      if (sweep == kMostSweeps) throw internal_error("eigenvalues did not converge: is the matrix finite?");
      const double half = (d[top + 1] - d[top]) / (2 * e[top]);
      const double shift = d[top] - e[top] / (half + std::copysign(std::hypot(half, 1.0), half));
      double g = d[bottom] - shift, sine = 1, cosine = 1, carried = 0;
      bool split = false;
      for (std::size_t i = bottom; i-- > top;) {
        const double f = sine * e[i], b = cosine * e[i], r = std::hypot(f, g);
        e[i + 1] = r;
        if (r == 0) {  // the block fell apart
          d[i + 1] -= carried;
          e[bottom] = 0;
          split = true;
          break;
        }
        sine = f / r;
        cosine = g / r;
        g = d[i + 1] - carried;
        const double s = (d[i] - g) * sine + 2 * cosine * b;
        carried = sine * s;
        d[i + 1] = g + carried;
        g = cosine * s - b;
        if (t.basis.empty()) continue;
        for (std::size_t c = 0; c < n; ++c) {
          double &upper = t.basis[i * n + c], &lower = t.basis[(i + 1) * n + c];
          const double old = lower;
          lower = sine * upper + cosine * old;
          upper = cosine * upper - sine * old;
        }
      }
      if (split) continue;
      d[top] -= carried;
      e[top] = g;
      e[bottom] = 0;
    }
  }
}

}  // namespace

SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::size_t n, bool with_vectors) {
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < i; ++j) matrix[j * n + i] = matrix[i * n + j];
  Tridiagonal t = tridiagonalize(matrix, n, with_vectors);
  diagonalize(t, n);
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return t.diagonal[a] > t.diagonal[b]; });
  SymmetricEigen out;
  for (const std::size_t k : order) {
    out.values.push_back(t.diagonal[k]);
    if (with_vectors)
      out.vectors.insert(out.vectors.end(), t.basis.begin() + static_cast<std::ptrdiff_t>(k * n),
                         t.basis.begin() + static_cast<std::ptrdiff_t>((k + 1) * n));
  }
  return out;
}

}  // namespace kelvin
