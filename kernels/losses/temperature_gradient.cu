// One warp a row up to 1024 classes, one block a row above; the row is read once from memory and again from the cache.
#include "kernels/losses/temperature_gradient.h"
#include "kernels/simt/log_softmax.h"

namespace kelvin {
namespace {

template <class Group>
__global__ void gradient_kernel(float* dtau, const float* dloss, const float* logits, const std::int32_t* labels,
                                const float* tau, float smoothing, std::int64_t rows, std::int64_t classes) {
  const Group group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  const float* const z = logits + row * classes;
  const LogSoftmax log_p = log_softmax_of(group, z, classes, tau[0]);
  const float label_logit = z[labels[row]];
  const float share = smoothing / static_cast<float>(classes);
  float lead = 0;  // Σ (p_j − q_j)(z_y − z_j)
  for (std::int64_t j = group.rank(); j < classes; j += Group::kThreads)
    if (const float p = expf(log_p(z[j])) - share; p != 0.0f)
      lead += p * (label_logit - z[j]);  // z_j may be −∞ where p is 0
  lead = group.sum(lead);
  if (group.rank() == 0) dtau[row] = dloss[row] * lead / tau[0] / tau[0];
}

}  // namespace

void cross_entropy_temperature_gradient(const Cuda& cuda, View<float> dtau, View<const float> dloss,
                                        View<const float> logits, View<const std::int32_t> labels,
                                        View<const float> tau, float smoothing) {
  with_row_group(logits.cols(), [&]<class Group>(Group) {
    launch_rows<Group>(cuda, gradient_kernel<Group>, logits.rows(), dtau.data, dloss.data, logits.data, labels.data,
                       tau.data, smoothing, logits.rows(), logits.cols());
  });
}

}  // namespace kelvin
