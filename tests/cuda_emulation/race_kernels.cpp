#include "tests/cuda_emulation/race_kernels.h"

#include <vector>

#include "kernels/arrays/prototype_distances.h"
#include "kernels/arrays/reduce.h"
#include "kernels/arrays/top1.h"
#include "kernels/attacks/keep_best.h"
#include "kernels/attacks/pgd_step.h"
#include "kernels/attacks/stationarity.h"
#include "kernels/attacks/weight_perturbation.h"
#include "kernels/convolution/winograd/cuda_filters.h"
#include "kernels/layers/batch_norm.h"
#include "kernels/layers/layer_norm.h"
#include "kernels/layers/normalize_rows.h"
#include "kernels/layers/relu_mask.h"
#include "kernels/losses/dlr_loss.h"
#include "kernels/losses/log_odds_cross_entropy.h"
#include "kernels/losses/margin_loss.h"
#include "kernels/losses/mart_loss.h"
#include "kernels/losses/softmax_cross_entropy.h"
#include "kernels/losses/softmax_kl.h"
#include "kernels/losses/targeted_dlr_loss.h"
#include "kernels/losses/temperature_gradient.h"
#include "kernels/products/split_matmul.h"

namespace kelvin::testing {
namespace {

template <class T>
struct Array {
  Array(Shape s, float low, float high) : shape(s) {
    for (std::int64_t i = 0; i < s.size(); ++i)
      values.push_back(T(low + (high - low) * static_cast<float>((i * 7919) % 1009) / 1009.0f));
  }
  operator View<T>() { return {values.data(), shape}; }
  operator View<const T>() const { return {values.data(), shape}; }
  Shape shape;
  std::vector<T> values;
};
using Floats = Array<float>;
using Ints = Array<std::int32_t>;
using Bytes = Array<std::uint8_t>;

template <class T>
View<T> out(Array<T>& a) {
  return a;
}
template <class T>
View<const T> in(const Array<T>& a) {
  return a;
}

}  // namespace

void race_losses(const Cuda& cuda) {
  for (const std::int64_t classes : {10, 1500, 17000}) {
    const Floats logits({3, classes}, -5, 5), dloss({3}, 1, 2), tau({1}, 2, 3);
    const Ints labels({3}, 0, 9);
    Floats loss({3}, 0, 0), dlogits({3, classes}, 0, 0);
    Ints predictions({3}, 0, 0), count({1}, 0, 0);
    softmax_cross_entropy_forward<float>(cuda, out(loss), in(logits), in(labels), in(tau));
    softmax_cross_entropy_backward<float>(cuda, out(dlogits), in(dloss), in(logits), in(labels), in(tau));
    log_odds_cross_entropy_forward<float>(cuda, out(loss), in(logits), in(labels), in(tau));
    log_odds_cross_entropy_backward<float>(cuda, out(dlogits), in(dloss), in(logits), in(labels), in(tau));
    margin_loss_forward<float>(cuda, out(loss), in(logits), in(labels));
    margin_loss_backward<float>(cuda, out(dlogits), in(dloss), in(logits), in(labels));
    argmax(cuda, out(predictions), in(logits));
    count_correct(cuda, out(count), in(logits), in(labels));

    const Floats other({3, classes}, -4, 6), weights({2}, 1, 2);
    const Ints targets({3}, 1, 8);
    Floats dtau({3}, 0, 0);
    dlr_loss_forward(cuda, out(loss), in(logits), in(labels));
    dlr_loss_backward(cuda, out(dlogits), in(dloss), in(logits), in(labels));
    targeted_dlr_loss_forward(cuda, out(loss), in(logits), in(labels), in(targets));
    targeted_dlr_loss_backward(cuda, out(dlogits), in(dloss), in(logits), in(labels), in(targets));
    cross_entropy_temperature_gradient(cuda, out(dtau), in(dloss), in(logits), in(labels), in(tau));
    const KlInputs kl{in(logits), in(other), in(tau), in(tau)};
    softmax_kl_forward(cuda, out(loss), kl);
    softmax_kl_backward_a(cuda, out(dlogits), in(dloss), kl);
    softmax_kl_backward_b(cuda, out(dlogits), in(dloss), kl);
    const MartInputs mart{in(logits), in(other), in(labels), in(tau), in(tau), in(tau), in(weights)};
    mart_loss_forward(cuda, out(loss), mart);
    mart_loss_backward_clean(cuda, out(dlogits), in(dloss), mart);
    mart_loss_backward_adversarial(cuda, out(dlogits), in(dloss), mart);
  }
}

void race_cross_entropy(const Cuda& cuda) {
  for (const Shape& shape : {Shape{130, 10}, Shape{37, 100}, Shape{3, 2000}}) {
    const std::int64_t rows = shape[0];
    const Floats logits(shape, -5, 5), dloss({rows}, 1, 2), tau({1}, 2, 3);
    const Ints labels({rows}, 0, 7);
    Floats loss({rows}, 0, 0), dlogits(shape, 0, 0);
    softmax_cross_entropy_forward<float>(cuda, out(loss), in(logits), in(labels), in(tau), 0.1f);
    softmax_cross_entropy_backward<float>(cuda, out(dlogits), in(dloss), in(logits), in(labels), in(tau), 0.1f);
  }
}

void race_attacks(const Cuda& cuda) {
  for (const Shape& shape : {Shape{2, 9, 9, 3}, Shape{2, 20, 20, 3}}) {  // one and four pixels an access
    const Floats x0(shape, 0, 1), g(shape, -1, 1);
    Floats x(shape, 0, 1), a({2}, 0, 0), b({2}, 0, 0);
    const Ints indices({2}, 0, 100);
    random_start_l2(cuda, out(x), in(x0), in(indices), {1, 2}, 0.5f);
    pgd_step_l2(cuda, out(x), in(x0), in(g), {});
    add_to_momentum(cuda, out(x), in(g), 0.9f);
    gradient_statistics(cuda, out(a), out(b), in(g));
    image_distance(cuda, out(a), out(b), in(x), in(x0));
    Floats best(shape, 0, 1), best_loss({2}, 0, 0);
    Ints best_success({2}, 0, 0), best_class({2}, 0, 0);
    const Floats loss({2}, 1, 2);
    const Ints success({2}, 1, 1), prediction({2}, 3, 3);
    keep_best(cuda, out(best), out(best_loss), out(best_success), out(best_class), in(x), in(loss), in(success),
              in(prediction));
    stationarity(cuda, out(a), out(b), in(x), in(x0), in(g), 0.1f);
  }
}

void race_reductions(const Cuda& cuda) {
  for (const std::int64_t channels : {10, 64}) {  // rows of two blocks; 64: two threads share each byte of the mask
    const Floats x({600, channels}, -1, 1), dy({600, channels}, -1, 1), gamma({channels}, 1, 2);
    Floats mean({channels}, 0, 0), rstd({channels}, 0, 0), dgamma({channels}, 0, 0), dbeta({channels}, 0, 0);
    Floats dx({600, channels}, 0, 0), total({1}, 0, 0), sums({channels}, 0, 0);
    batch_norm_statistics<float>(cuda, out(mean), out(rstd), {}, {}, in(x), 0.1f, 1e-5f);
    Floats y({600, channels}, 0, 0);
    Bytes mask({relu_mask_bytes(600 * channels)}, 0, 0);
    batch_norm_apply<float>(cuda, out(y), out(mask), in(x), {in(mean), in(rstd), in(gamma), in(gamma)}, {}, true);
    batch_norm_backward<float>(cuda, {out(dx), {}, out(dgamma), out(dbeta)}, in(dy), in(mask), in(x),
                               {in(mean), in(rstd), in(gamma), {}}, true);
    column_sum<float>(cuda, out(sums), in(x));
    reduce_sum(cuda, out(total), in(x), 1);
  }
  Floats weights({5000}, -1, 1), undo({5000}, 0, 0), norm({1}, 0, 0), total({1}, 0, 0);
  const Floats gradient({5000}, -1, 1);
  reduce_norm(cuda, out(norm), in(gradient));
  accumulate_sum(cuda, out(total), in(gradient), 0.5f);
  perturb_weights(cuda, out(weights), out(undo), in(gradient), 0.01f);
}

void race_features(const Cuda& cuda) {
  for (const std::int64_t width : {64, 192, 1500}) {
    const Floats x({5, width}, -1, 1), dy({5, width}, -1, 1), gamma({width}, 1, 2), beta({width}, 0, 1);
    Floats y({5, width}, 0, 0), mean({5}, 0, 0), rstd({5}, 0, 0), dgamma({width}, 0, 0), dbeta({width}, 0, 0);
    layer_norm_forward<float>(cuda, out(y), out(mean), out(rstd), in(x), in(gamma), in(beta), 1e-6f);
    layer_norm_backward<float>(cuda, out(y), out(dgamma), out(dbeta), in(dy), in(x), in(mean), in(rstd), in(gamma));
    normalize_rows_forward(cuda, out(y), out(mean), in(x), 15);
    normalize_rows_backward(cuda, out(y), in(dy), in(x), in(mean), 15);
    const Floats prototypes({7, width}, -1, 1);
    Floats distances({5, 7}, 0, 0);
    prototype_distances(cuda, out(distances), in(x), in(prototypes));
  }
}

void race_products(const Cuda& cuda) {
  const Floats a({132, 100}, -1, 1), b({100, 68}, -1, 1);
  Floats y({132, 68}, 0, 0);
  for (const bool in_pairs : {false, true})
    for (const std::int64_t parts : {1, 3})
      split_matmul(cuda,
                   {.y = y.values.data(), .a = a.values.data(), .b = b.values.data(), .m = 132, .n = 68, .k = 100},
                   {in_pairs, parts});
  const Floats transformed({36, 2, 5, 12}, -1, 1);
  Floats dw({5, 3, 3, 12}, 0, 0);
  winograd::transform_filters_back(cuda, dw.values.data(), transformed.values.data(), 2, 5, 12);
}

}  // namespace kelvin::testing
