// One warp a row up to 1024 classes, one block a row above. Rows are read from memory once and from the cache after that; three
// softmaxes, their sums and the gradient in one launch, nothing stored in between.
#include "kernels/losses/mart_loss.h"
#include "kernels/simt/best_index.h"
#include "kernels/simt/log_softmax.h"

namespace kelvin {
namespace {

struct Pointers {
  const float *clean, *adversarial;
  const std::int32_t* labels;
  const float *tau, *tau_clean, *tau_adversarial, *weights;
  std::int64_t rows, classes;
};

Pointers pointers_of(const MartInputs& in) {
  return {in.clean.data,           in.adversarial.data, in.labels.data,  in.tau.data,    in.tau_clean.data,
          in.tau_adversarial.data, in.weights.data,     in.clean.rows(), in.clean.cols()};
}

// What every thread of a row's group knows.
struct Row {
  const float *clean, *adversarial;
  LogSoftmax log_u, log_p, log_q;
  std::int32_t label, rival;
  float regulariser, weight;  // R, W

  __device__ float u(std::int64_t j) const { return expf(log_u(adversarial[j])); }
  __device__ float p(std::int64_t j) const { return expf(log_p(clean[j])); }
  __device__ float q(std::int64_t j) const { return expf(log_q(adversarial[j])); }
  // p_j (log p_j − log(q_j + 1e-12)), 0 where p_j is 0
  __device__ float term(std::int64_t j) const {
    const float p_j = p(j);
    return p_j > 0.0f ? p_j * (log_p(clean[j]) - logf(q(j) + kMartEpsilon)) : 0.0f;
  }
  __device__ float kept(std::int64_t j) const {  // r_j
    const float q_j = q(j);
    return p(j) * q_j / (q_j + kMartEpsilon);
  }
  __device__ float boost_gap() const { return kMartBoost - u(rival) + kMartEpsilon; }
};

template <class Group>
__device__ Row row_of(const Group& group, const Pointers& in) {
  Row r;
  r.clean = in.clean + group.row() * in.classes;
  r.adversarial = in.adversarial + group.row() * in.classes;
  r.label = in.labels[group.row()];
  r.log_u = log_softmax_of(group, r.adversarial, in.classes, in.tau[0]);
  r.log_p = log_softmax_of(group, r.clean, in.classes, in.tau_clean[0]);
  r.log_q = log_softmax_of(group, r.adversarial, in.classes, in.tau_adversarial[0]);
  r.rival = best_index(group, r.adversarial, in.classes, r.label).index;
  float sum = 0;
  for (std::int64_t j = group.rank(); j < in.classes; j += Group::kThreads) sum += r.term(j);
  r.regulariser = group.sum(sum);
  r.weight = kMartWeight - r.p(r.label);
  return r;
}

template <class Group>
__global__ void mart_forward_kernel(float* loss, Pointers in) {
  const Group group;
  if (group.row() >= in.rows) return;
  const Row r = row_of(group, in);
  if (group.rank() != 0) return;
  const float boosted = -r.log_u(r.adversarial[r.label]) - logf(r.boost_gap());
  loss[group.row()] = in.weights[0] * boosted + in.weights[1] * r.regulariser * r.weight;
}

template <class Group>
__global__ void backward_clean_kernel(float* dclean, const float* dloss, Pointers in) {
  const Group group;
  if (group.row() >= in.rows) return;
  const Row r = row_of(group, in);
  const float factor = dloss[group.row()] * in.weights[1] / in.tau_clean[0], p_label = r.p(r.label);
  for (std::int64_t j = group.rank(); j < in.classes; j += Group::kThreads) {
    const float p = r.p(j), is_label = j == r.label ? 1.0f : 0.0f;
    dclean[group.row() * in.classes + j] =
        factor * (r.weight * (r.term(j) - p * r.regulariser) - r.regulariser * p_label * (is_label - p));
  }
}

template <class Group>
__global__ void backward_adversarial_kernel(float* dadversarial, const float* dloss, Pointers in) {
  const Group group;
  if (group.row() >= in.rows) return;
  const Row r = row_of(group, in);
  float kept_sum = 0;
  for (std::int64_t j = group.rank(); j < in.classes; j += Group::kThreads) kept_sum += r.kept(j);
  kept_sum = group.sum(kept_sum);
  const float boost = r.u(r.rival) / r.boost_gap();
  const float boosted_scale = dloss[group.row()] * in.weights[0] / in.tau[0];
  const float regulariser_scale = dloss[group.row()] * in.weights[1] * r.weight / in.tau_adversarial[0];
  for (std::int64_t j = group.rank(); j < in.classes; j += Group::kThreads) {
    const float u = r.u(j), is_label = j == r.label ? 1.0f : 0.0f, is_rival = j == r.rival ? 1.0f : 0.0f;
    dadversarial[group.row() * in.classes + j] =
        boosted_scale * (u - is_label + boost * (is_rival - u)) - regulariser_scale * (r.kept(j) - r.q(j) * kept_sum);
  }
}

}  // namespace

void mart_loss_forward(const Cuda& cuda, View<float> loss, const MartInputs& in) {
  with_row_group(in.clean.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, mart_forward_kernel<Group>, in.clean.rows(), loss.data, pointers_of(in));
  });
}

void mart_loss_backward_clean(const Cuda& cuda, View<float> dclean, View<const float> dloss, const MartInputs& in) {
  with_row_group(in.clean.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, backward_clean_kernel<Group>, in.clean.rows(), dclean.data, dloss.data, pointers_of(in));
  });
}

void mart_loss_backward_adversarial(const Cuda& cuda, View<float> dadversarial, View<const float> dloss,
                                    const MartInputs& in) {
  with_row_group(in.clean.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, backward_adversarial_kernel<Group>, in.clean.rows(), dadversarial.data, dloss.data,
                       pointers_of(in));
  });
}

}  // namespace kelvin
