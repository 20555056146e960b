// One warp a row up to 1024 classes, one block a row above. Both rows are read once from memory and again from the cache; the
// probabilities are never stored: 12 bytes of memory traffic a logit for a gradient.
#include "kernels/losses/softmax_kl.h"
#include "kernels/simt/log_softmax.h"

namespace kelvin {
namespace {

struct KlPointers {
  const float *a, *b, *tau_a, *tau_b;
  std::int64_t rows, classes;
};

KlPointers pointers_of(const KlInputs& in) {
  return {in.a.data, in.b.data, in.tau_a.data, in.tau_b.data, in.a.rows(), in.a.cols()};
}

// p_j (log p_j − log q_j), 0 where p_j is 0
__device__ float term(float log_p, float log_q) {
  const float p = expf(log_p);
  return p > 0.0f ? p * (log_p - log_q) : 0.0f;
}

template <class Group>
__device__ float divergence(const Group& group, const float* a, const float* b, std::int64_t classes,
                            const LogSoftmax& log_p, const LogSoftmax& log_q) {
  float sum = 0;
  for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads) sum += term(log_p(a[j]), log_q(b[j]));
  return group.sum(sum);
}

template <class Group>
__global__ void kl_forward_kernel(float* kl, KlPointers in) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= in.rows) return;
  const float *a = in.a + row * in.classes, *b = in.b + row * in.classes;
  const LogSoftmax log_p = log_softmax_of(group, a, in.classes, in.tau_a[0]);
  const LogSoftmax log_q = log_softmax_of(group, b, in.classes, in.tau_b[0]);
  const float sum = divergence(group, a, b, in.classes, log_p, log_q);
  if (group.rank() == 0) kl[row] = sum;
}

template <class Group>
__global__ void backward_a_kernel(float* da, const float* dkl, KlPointers in) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= in.rows) return;
  const float *a = in.a + row * in.classes, *b = in.b + row * in.classes;
  const LogSoftmax log_p = log_softmax_of(group, a, in.classes, in.tau_a[0]);
  const LogSoftmax log_q = log_softmax_of(group, b, in.classes, in.tau_b[0]);
  const float kl = divergence(group, a, b, in.classes, log_p, log_q), factor = dkl[row] / in.tau_a[0];
  for (std::int64_t j = group.rank(); j < in.classes; j += Group::kThreads) {
    const float log_p_j = log_p(a[j]);
    da[row * in.classes + j] = factor * (term(log_p_j, log_q(b[j])) - expf(log_p_j) * kl);
  }
}

template <class Group>
__global__ void backward_b_kernel(float* db, const float* dkl, KlPointers in) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= in.rows) return;
  const float *a = in.a + row * in.classes, *b = in.b + row * in.classes;
  const LogSoftmax log_p = log_softmax_of(group, a, in.classes, in.tau_a[0]);
  const LogSoftmax log_q = log_softmax_of(group, b, in.classes, in.tau_b[0]);
  const float factor = dkl[row] / in.tau_b[0];
  for (std::int64_t j = group.rank(); j < in.classes; j += Group::kThreads)
    db[row * in.classes + j] = factor * (expf(log_q(b[j])) - expf(log_p(a[j])));
}

}  // namespace

void softmax_kl_forward(const Cuda& cuda, View<float> kl, const KlInputs& in) {
  with_row_group(in.a.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, kl_forward_kernel<Group>, in.a.rows(), kl.data, pointers_of(in));
  });
}

void softmax_kl_backward_a(const Cuda& cuda, View<float> da, View<const float> dkl, const KlInputs& in) {
  with_row_group(in.a.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, backward_a_kernel<Group>, in.a.rows(), da.data, dkl.data, pointers_of(in));
  });
}

void softmax_kl_backward_b(const Cuda& cuda, View<float> db, View<const float> dkl, const KlInputs& in) {
  with_row_group(in.a.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, backward_b_kernel<Group>, in.a.rows(), db.data, dkl.data, pointers_of(in));
  });
}

}  // namespace kelvin
