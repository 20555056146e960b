// Batch statistics over the images of all ranks of a parallel run ("synchronised" BatchNorm), in three steps. Every rank's moments lie in a row of
// its own, so that one sum over the ranks (kernels/processes/all_reduce.h) brings all rows together without rounding:
//
//   batch_norm_rank_moments   row r of `moments` = [m_r, v_r, n_r], all other rows 0
//   all_reduce_sum            every rank has all rows
//   batch_norm_of_ranks       n = Σ n_r,  mean = Σ n_r m_r / n,  var = Σ n_r (v_r + (m_r − mean)²) / n
//
// m_r, v_r: this rank's mean and biased variance, n_r its rows. moments: float32 [ranks, 2C + 1]; sums over the ranks are doubles, in rank
// order, so that all ranks have the same bits.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

// unbiased_variance: v_r n_r/(n_r − 1), which batch_norm_statistics leaves in running statistics of zeros with momentum 1. `rows` > 1.
void batch_norm_rank_moments(Cpu, View<float> moments, View<const float> mean, View<const float> unbiased_variance,
                             std::int64_t rows, int rank);
void batch_norm_rank_moments(const Cuda&, View<float> moments, View<const float> mean,
                             View<const float> unbiased_variance, std::int64_t rows, int rank);

// What normalises, and the number of rows of all ranks [1]. Running statistics move as batch_norm_statistics moves them.
struct RankStatistics {
  View<float> mean, rstd, rows;
  View<float> running_mean, running_variance;
};
void batch_norm_of_ranks(Cpu, const RankStatistics& to, View<const float> moments, float momentum, float eps);
void batch_norm_of_ranks(const Cuda&, const RankStatistics& to, View<const float> moments, float momentum, float eps);

}  // namespace kelvin
