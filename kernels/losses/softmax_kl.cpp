#include "kernels/losses/softmax_kl.h"

#include "kernels/losses/row_log_softmax.h"

namespace kelvin {
namespace {

// p_j (log p_j − log q_j), 0 where p_j is 0
float term(float log_p, float log_q) {
  const float p = std::exp(log_p);
  return p > 0 ? p * (log_p - log_q) : 0.0f;
}

struct KlRow {
  RowLogSoftmax<float> log_p, log_q;
  std::int64_t classes;

  KlRow(const KlInputs& in, std::int64_t row)
      : log_p(in.a.data + row * in.a.cols(), in.a.cols(), in.tau_a[0]),
        log_q(in.b.data + row * in.b.cols(), in.b.cols(), in.tau_b[0]),
        classes(in.a.cols()) {}
  [[nodiscard]] float divergence() const {
    float sum = 0;
    for (std::int64_t j = 0; j < classes; ++j) sum += term(log_p(j), log_q(j));
    return sum;
  }
};

}  // namespace

void softmax_kl_forward(Cpu, View<float> kl, const KlInputs& in) {
  for_each_loss_row(kl.size(), in.a.cols(), [&](std::int64_t row) { kl[row] = KlRow(in, row).divergence(); });
}

void softmax_kl_backward_a(Cpu, View<float> da, View<const float> dkl, const KlInputs& in) {
  for_each_loss_row(dkl.size(), in.a.cols(), [&](std::int64_t row) {
    const KlRow r(in, row);
    const float kl = r.divergence(), factor = dkl[row] / in.tau_a[0];
    for (std::int64_t j = 0; j < r.classes; ++j)
      da[row * r.classes + j] = factor * (term(r.log_p(j), r.log_q(j)) - r.log_p.probability(j) * kl);
  });
}

void softmax_kl_backward_b(Cpu, View<float> db, View<const float> dkl, const KlInputs& in) {
  for_each_loss_row(dkl.size(), in.a.cols(), [&](std::int64_t row) {
    const KlRow r(in, row);
    const float factor = dkl[row] / in.tau_b[0];
    for (std::int64_t j = 0; j < r.classes; ++j)
      db[row * r.classes + j] = factor * (r.log_q.probability(j) - r.log_p.probability(j));
  });
}

}  // namespace kelvin
