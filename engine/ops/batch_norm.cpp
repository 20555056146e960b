#include "engine/ops/batch_norm.h"

#include "engine/tape.h"
#include "kernels/layers/batch_norm.h"
#include "kernels/layers/fold_batch_norm.h"
#include "kernels/layers/relu_mask.h"
#include "kernels/layers/sync_batch_norm.h"
#include "kernels/processes/all_reduce.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

struct Statistics {
  Tensor mean, rstd;
  Tensor rows = {};  // [1]: of all ranks; empty: statistics of this process alone
};

template <class T>
View<const T> view_or_empty(const Tensor& t) {
  return t ? t.view<const T>() : View<const T>();
}

// dγ and dβ are this rank's own, as all gradients are before their exchange; dx depends on their sums over the ranks.
template <class Device, class T>
void backward_over_ranks(const Device& dev, const BatchNormGradients<T>& d, View<const T> dy,
                         View<const std::uint8_t> mask, View<const T> x, const BatchNormFactors& factors,
                         const Tensor& own_dgamma, const Tensor& own_dbeta, const Tensor& rows) {
  batch_norm_backward(dev, {View<T>(), d.dresidual, d.dgamma, d.dbeta}, dy, mask, x, factors, true);
  const Tensor totals = Tensor::empty({2, own_dgamma.size()}, DType::f32, rows.device());
  const Tensor dgamma = totals.narrow(0, 1), dbeta = totals.narrow(1, 1);
  dgamma.copy_from(own_dgamma);
  dbeta.copy_from(own_dbeta);
  all_reduce_sum(dev, totals.view<float>(), "the sums of synchronised BatchNorm");
  if (d.dx.empty()) return;
  batch_norm_input_gradient(dev, d.dx, dy, mask, x, factors,
                            {dgamma.view<const float>(), dbeta.view<const float>(), rows.view<const float>()});
}

// Forward with given statistics; the backward differs only in whether they depend on x.
Tensor normalize(const Tensor& x, const BatchNormTensors& norm, const Statistics& stats, const Tensor& residual,
                 bool relu, bool is_training) {
  const Tensor y = Tensor::empty_like(x);
  const bool has_backward =
      Tape::is_tracked(x) || Tape::is_tracked(norm.gamma) || Tape::is_tracked(norm.beta) || Tape::is_tracked(residual);
  const Tensor mask =
      relu && has_backward ? Tensor::empty({relu_mask_bytes(y.size())}, DType::u8, y.device()) : Tensor();
  const auto factors = [stats, gamma = norm.gamma, beta = norm.beta] {  // holds the tensors until backward has run
    return BatchNormFactors{stats.mean.view<const float>(), stats.rstd.view<const float>(), gamma.view<const float>(),
                            beta.view<const float>()};
  };
  on_typed(x, [&]<class T>(const auto& dev, Type<T>) {
    batch_norm_apply(dev, y.view<T>(), mask ? mask.view<std::uint8_t>() : View<std::uint8_t>(), x.view<const T>(),
                     factors(), view_or_empty<T>(residual), relu);
  });
  // g = dy·1[y > 0], the bits of y > 0 kept in `mask`;  dβ = Σ g;  dγ = Σ g x̂;  dx = γ rstd (g − dβ/n − x̂ dγ/n);  dresidual = g
  return record(
      "batch_norm", y, {x, norm.gamma, norm.beta, residual}, [=, gamma = norm.gamma](const Tensor& dy, Grads& g) {
        const Tensor dgamma = g.room(1, gamma), dbeta = g.room(2, gamma);
        const Tensor dx = g.wants(0) ? Tensor::empty_like(dy) : Tensor();
        const Tensor dresidual = g.wants(3) ? Tensor::empty_like(dy) : Tensor();
        on_typed(dy, [&]<class T>(const auto& dev, Type<T>) {
          const BatchNormGradients<T> d = {dx ? dx.view<T>() : View<T>(), dresidual ? dresidual.view<T>() : View<T>(),
                                           dgamma.view<float>(), dbeta.view<float>()};
          if (stats.rows)
            backward_over_ranks(dev, d, dy.view<const T>(), view_or_empty<std::uint8_t>(mask), x.view<const T>(),
                                factors(), dgamma, dbeta, stats.rows);
          else
            batch_norm_backward(dev, d, dy.view<const T>(), view_or_empty<std::uint8_t>(mask), x.view<const T>(),
                                factors(), is_training);
        });
        if (dx) g.add(0, dx);
        g.add(1, dgamma);
        g.add(2, dbeta);
        if (dresidual) g.add(3, dresidual);
      });
}

Statistics statistics_over_ranks(const Tensor& x, const BatchNormTensors& norm) {
  const Tensor mean = Tensor::empty_like(norm.gamma), rstd = Tensor::empty_like(norm.gamma);
  const Tensor own_mean = Tensor::zeros(mean.shape(), DType::f32, x.device()), own_variance = own_mean.clone();
  const Tensor moments = Tensor::empty({processes().size(), 2 * mean.size() + 1}, DType::f32, x.device());
  const Tensor rows = Tensor::empty({1}, DType::f32, x.device());
  on_typed(x, [&]<class T>(const auto& dev, Type<T>) {
    batch_norm_statistics(dev, mean.view<float>(), rstd.view<float>(), own_mean.view<float>(),
                          own_variance.view<float>(), x.view<const T>(), /*momentum=*/1, kBatchNormEps);
    batch_norm_rank_moments(dev, moments.view<float>(), own_mean.view<const float>(), own_variance.view<const float>(),
                            x.shape().rows(), processes().rank());
    all_reduce_sum(dev, moments.view<float>(), "the statistics of synchronised BatchNorm");
    batch_norm_of_ranks(dev,
                        {mean.view<float>(), rstd.view<float>(), rows.view<float>(), norm.running_mean.view<float>(),
                         norm.running_variance.view<float>()},
                        moments.view<const float>(), kBatchNormMomentum, kBatchNormEps);
  });
  return {mean, rstd, rows};
}

void check(const Tensor& x, const BatchNormTensors& norm, const Tensor& residual) {
  for (const Tensor* t : {&norm.gamma, &norm.beta, &norm.running_mean, &norm.running_variance})
    KELVIN_CHECK(t->size() == x.shape().cols(), "batch_norm: expected [", x.shape().cols(), "], got ", t->shape());
  KELVIN_CHECK(!residual || residual.shape() == x.shape(), "batch_norm: residual ", residual.shape(), " for ",
               x.shape());
}

}  // namespace

Tensor batch_norm_train(const Tensor& x, const BatchNormTensors& norm, const Tensor& residual, bool relu,
                        bool over_ranks) {
  check(x, norm, residual);
  if (x.shape().rows() == 1)
    throw mistake("BatchNorm has a single value a channel to normalise, one image of one pixel: take larger batches");
  if (over_ranks && processes().are_many())
    return normalize(x, norm, statistics_over_ranks(x, norm), residual, relu, true);
  const Statistics stats{Tensor::empty_like(norm.gamma), Tensor::empty_like(norm.gamma)};
  on_typed(x, [&]<class T>(const auto& dev, Type<T>) {
    batch_norm_statistics(dev, stats.mean.view<float>(), stats.rstd.view<float>(), norm.running_mean.view<float>(),
                          norm.running_variance.view<float>(), x.view<const T>(), kBatchNormMomentum, kBatchNormEps);
  });
  return normalize(x, norm, stats, residual, relu, true);
}

Tensor batch_norm_eval(const Tensor& x, const BatchNormTensors& norm, const Tensor& residual, bool relu) {
  check(x, norm, residual);
  const Statistics stats{norm.running_mean, Tensor::empty_like(norm.gamma)};
  on(x.device(), [&](const auto& dev) {
    reciprocal_stddev(dev, stats.rstd.view<float>(), norm.running_variance.view<const float>(), kBatchNormEps);
  });
  return normalize(x, norm, stats, residual, relu, false);
}

FoldedFilter fold(const Tensor& w, const BatchNormTensors& norm, DType dtype) {
  FoldedFilter folded{Tensor::empty_like(w), Tensor::empty_like(norm.gamma)};
  on(w.device(), [&](const auto& dev) {
    fold_batch_norm(dev, folded.w.view<float>(), folded.bias.view<float>(), w.view<const float>(),
                    norm.gamma.view<const float>(), norm.beta.view<const float>(),
                    norm.running_mean.view<const float>(), norm.running_variance.view<const float>(), kBatchNormEps);
  });
  return {folded.w.to(dtype), folded.bias.to(dtype)};
}

}  // namespace kelvin
