// The kernels that synchronise threads, once each under ThreadSanitizer, which sees every fiber as a thread and the barriers as the
// only order between them. Ends with exit code 66 where it reports a race.
//
//   race_check                 every kernel with a barrier; must find nothing
//   race_check planted-NAME    a kernel with a missing barrier; must find it
#include <cstdio>
#include <cstring>
#include <vector>

#include "kernels/batch_norm.h"
#include "kernels/device/cuda.h"
#include "kernels/device/pool.h"
#include "kernels/keep_best.h"
#include "kernels/log_odds_cross_entropy.h"
#include "kernels/margin_loss.h"
#include "kernels/pgd_step.h"
#include "kernels/reduce.h"
#include "kernels/softmax_cross_entropy.h"
#include "kernels/top1.h"
#include "tests/cuda_emulation/planted/planted.h"
#include "tests/cuda_emulation/simt.h"

namespace kelvin {
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

template <class T>
View<T> out(Array<T>& a) {
  return a;
}
template <class T>
View<const T> in(const Array<T>& a) {
  return a;
}

void losses(const Cuda& cuda) {
  for (const std::int64_t classes : {10, 1500, 17000}) {
    const Floats logits({3, classes}, -5, 5), dloss({3}, 1, 2), tau({1}, 2, 3);
    const Ints labels({3}, 0, 9);
    Floats loss({3}, 0, 0), dlogits({3, classes}, 0, 0);
    Ints predictions({3}, 0, 0), count({1}, 0, 0);
    softmax_cross_entropy_forward<float>(cuda, out(loss), in(logits), in(labels), in(tau));
    softmax_cross_entropy_backward<float>(cuda, out(dlogits), in(dloss), in(logits), in(labels), in(tau));
    softmax_cross_entropy_fused(cuda, out(loss), out(dlogits), in(logits), in(labels), in(tau), 1);
    log_odds_cross_entropy_forward<float>(cuda, out(loss), in(logits), in(labels), in(tau));
    log_odds_cross_entropy_backward<float>(cuda, out(dlogits), in(dloss), in(logits), in(labels), in(tau));
    margin_loss_forward<float>(cuda, out(loss), in(logits), in(labels));
    margin_loss_backward<float>(cuda, out(dlogits), in(dloss), in(logits), in(labels));
    argmax(cuda, out(predictions), in(logits));
    count_correct(cuda, out(count), in(logits), in(labels));
  }
}

void attacks(const Cuda& cuda) {
  const Shape shape = {2, 9, 9, 3};
  const Floats x0(shape, 0, 1), g(shape, -1, 1);
  Floats x(shape, 0, 1), a({2}, 0, 0), b({2}, 0, 0);
  const Ints indices({2}, 0, 100);
  random_start_l2(cuda, out(x), in(x0), in(indices), {1, 2}, 0.5f);
  pgd_step_l2(cuda, out(x), in(x0), in(g), {});
  gradient_statistics(cuda, out(a), out(b), in(g));
  image_distance(cuda, out(a), out(b), in(x), in(x0));
  Floats best(shape, 0, 1), best_loss({2}, 0, 0);
  Ints best_success({2}, 0, 0), best_class({2}, 0, 0);
  const Floats loss({2}, 1, 2);
  const Ints success({2}, 1, 1), prediction({2}, 3, 3);
  keep_best(cuda, out(best), out(best_loss), out(best_success), out(best_class), in(x), in(loss), in(success),
            in(prediction));
}

void reductions(const Cuda& cuda) {
  for (const std::int64_t channels : {10, 64}) {
    const Floats x({150, channels}, -1, 1), dy({150, channels}, -1, 1), gamma({channels}, 1, 2);
    Floats mean({channels}, 0, 0), rstd({channels}, 0, 0), dgamma({channels}, 0, 0), dbeta({channels}, 0, 0);
    Floats dx({150, channels}, 0, 0), total({1}, 0, 0), sums({channels}, 0, 0);
    batch_norm_statistics<float>(cuda, out(mean), out(rstd), {}, {}, in(x), 0.1f, 1e-5f);
    batch_norm_backward<float>(cuda, out(dx), {}, out(dgamma), out(dbeta), in(dy), {}, in(x), in(mean), in(rstd),
                               in(gamma), {});
    column_sum<float>(cuda, out(sums), in(x));
    reduce_sum(cuda, out(total), in(x), 1);
  }
}

int run(int argc, char** argv) {
  simt::config() = {simt::Order::forward, 1};  // the sanitizer needs no luck
  if (argc == 1) {
    const Cuda cuda(nullptr);
    losses(cuda);
    attacks(cuda);
    reductions(cuda);
    return 0;
  }
  const std::vector<float> logits(4 * 300, 0.5f);
  using testing::Fault;
  if (std::strcmp(argv[1], "planted-none") == 0) testing::run_planted(Fault::none, logits, 4);
  if (std::strcmp(argv[1], "planted-read-after-write") == 0)
    testing::run_planted(Fault::missing_read_after_write, logits, 4);
  if (std::strcmp(argv[1], "planted-write-after-read") == 0)
    testing::run_planted(Fault::missing_write_after_read, logits, 4);
  if (std::strcmp(argv[1], "planted-write-after-write") == 0)
    testing::run_planted(Fault::missing_write_after_write, logits, 4);
  return 0;
}

}  // namespace
}  // namespace kelvin

int main(int argc, char** argv) { return kelvin::run(argc, argv); }
