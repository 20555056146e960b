#include "kernels/losses/mart_loss.h"

#include "kernels/losses/row_log_softmax.h"

namespace kelvin {
namespace {

struct MartRow {
  RowLogSoftmax<float> log_u, log_p, log_q;
  std::int64_t classes, label, rival;
  float regulariser = 0, weight;  // R, W

  MartRow(const MartInputs& in, std::int64_t row)
      : log_u(in.adversarial.data + row * in.adversarial.cols(), in.adversarial.cols(), in.tau[0]),
        log_p(in.clean.data + row * in.clean.cols(), in.clean.cols(), in.tau_clean[0]),
        log_q(in.adversarial.data + row * in.adversarial.cols(), in.adversarial.cols(), in.tau_adversarial[0]),
        classes(in.clean.cols()),
        label(in.labels[row]),
        rival(best_index(log_u.z, classes, label)) {
    for (std::int64_t j = 0; j < classes; ++j) regulariser += term(j);
    weight = kMartWeight - log_p.probability(label);
  }
  // p_j (log p_j − log(q_j + 1e-12)), 0 where p_j is 0
  [[nodiscard]] float term(std::int64_t j) const {
    const float p = log_p.probability(j);
    return p > 0 ? p * (log_p(j) - std::log(log_q.probability(j) + kMartEpsilon)) : 0.0f;
  }
  [[nodiscard]] float boost_gap() const { return kMartBoost - log_u.probability(rival) + kMartEpsilon; }
};

}  // namespace

void mart_loss_forward(Cpu, View<float> loss, const MartInputs& in) {
  for_each_loss_row(loss.size(), in.clean.cols(), [&](std::int64_t row) {
    const MartRow r(in, row);
    const float boosted = -r.log_u(r.label) - std::log(r.boost_gap());
    loss[row] = in.weights[0] * boosted + in.weights[1] * r.regulariser * r.weight;
  });
}

void mart_loss_backward_clean(Cpu, View<float> dclean, View<const float> dloss, const MartInputs& in) {
  for_each_loss_row(dloss.size(), in.clean.cols(), [&](std::int64_t row) {
    const MartRow r(in, row);
    const float factor = dloss[row] * in.weights[1] / in.tau_clean[0], p_label = r.log_p.probability(r.label);
    for (std::int64_t j = 0; j < r.classes; ++j) {
      const float p = r.log_p.probability(j), is_label = j == r.label ? 1.0f : 0.0f;
      dclean[row * r.classes + j] =
          factor * (r.weight * (r.term(j) - p * r.regulariser) - r.regulariser * p_label * (is_label - p));
    }
  });
}

void mart_loss_backward_adversarial(Cpu, View<float> dadversarial, View<const float> dloss, const MartInputs& in) {
  for_each_loss_row(dloss.size(), in.clean.cols(), [&](std::int64_t row) {
    const MartRow r(in, row);
    const auto kept = [&](std::int64_t j) {  // r_j
      const float q = r.log_q.probability(j);
      return r.log_p.probability(j) * q / (q + kMartEpsilon);
    };
    float kept_sum = 0;
    for (std::int64_t j = 0; j < r.classes; ++j) kept_sum += kept(j);
    const float boost = r.log_u.probability(r.rival) / r.boost_gap();
    const float boosted_scale = dloss[row] * in.weights[0] / in.tau[0];
    const float regulariser_scale = dloss[row] * in.weights[1] * r.weight / in.tau_adversarial[0];
    for (std::int64_t j = 0; j < r.classes; ++j) {
      const float u = r.log_u.probability(j);
      const float is_label = j == r.label ? 1.0f : 0.0f, is_rival = j == r.rival ? 1.0f : 0.0f;
      dadversarial[row * r.classes + j] = boosted_scale * (u - is_label + boost * (is_rival - u)) -
                                          regulariser_scale * (kept(j) - r.log_q.probability(j) * kept_sum);
    }
  });
}

}  // namespace kelvin
