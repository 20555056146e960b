// Temperature-scaled softmax cross-entropy, loss and gradient in one launch: from one thread a row to the speed of a copy.
//
//   softmax_cross_entropy_lab [--check] [ROWS CLASSES]     default: 65536 x 1000, then 100, 10 and 50000 classes
//
// Inputs are far larger than the cache, and long enough to time: 0.2 ms and more at the speed of a copy on an H100.
//
// Every variant reads the logits once and writes the gradient once if its caches do their part: 8 bytes a logit are counted.
//
//   1  one thread a row         neighbouring threads read addresses a row apart: a 32-byte sector a number
//   2  one block a row          coalesced; three passes with a tree in shared memory, a barrier a level
//   3  one warp a row           no barriers: butterflies of shuffles; maximum and sum still two passes
//   4  online softmax           maximum and sum in one pass (Milakov & Gimelshein 2018, 1805.02867)
//   5  four lanes a row         up to 112 classes, a multiple of 4: one pass over memory, the row waits in registers
//   6  tuned                    tuned_cross_entropy.h: rows of up to 224 classes come and go through shared memory, a warp's at a time, where they do
//                               not begin with a sector; longer ones wait in registers or shared memory
//   7  production               kernels/losses/softmax_cross_entropy.cu: a warp or a block a row, loss and gradient in two launches
#include "kernels/device/philox.h"
#include "kernels/losses/softmax_cross_entropy.h"
#include "kernels/simt/groups.h"
#include "tools/kernel_lab/lab.h"
#include "tools/kernel_lab/tuned_cross_entropy.h"

namespace kelvin::lab {
namespace {

struct Rows {
  float *loss, *dz;
  const float* z;
  const std::int32_t* labels;
  std::int64_t rows, classes;
  float tau, dloss;
};

__global__ void one_thread_a_row(Rows r) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (row >= r.rows) return;
  const float* const z = r.z + row * r.classes;
  float maximum = -INFINITY, sum = 0;
  for (std::int64_t j = 0; j < r.classes; ++j) maximum = fmaxf(maximum, z[j] / r.tau);
  for (std::int64_t j = 0; j < r.classes; ++j) sum += expf(z[j] / r.tau - maximum);
  const float log_sum = maximum + logf(sum);
  r.loss[row] = log_sum - z[r.labels[row]] / r.tau;
  for (std::int64_t j = 0; j < r.classes; ++j)
    r.dz[row * r.classes + j] = r.dloss / r.tau * (expf(z[j] / r.tau - log_sum) - (j == r.labels[row] ? 1.0f : 0.0f));
}

template <class Combine>
__device__ float block_tree(float* shared, float value, Combine combine) {
  shared[threadIdx.x] = value;
  __syncthreads();  // read after write: all values are there
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) shared[threadIdx.x] = combine(shared[threadIdx.x], shared[threadIdx.x + half]);
    __syncthreads();  // read after write: one level is done
  }
  const float result = shared[0];
  __syncthreads();  // write after read: shared may be used again
  return result;
}

__global__ void one_block_a_row(Rows r) {
  __shared__ float shared[128];
  const std::int64_t row = blockIdx.x;
  const float* const z = r.z + row * r.classes;
  float maximum = -INFINITY, sum = 0;
  for (std::int64_t j = threadIdx.x; j < r.classes; j += blockDim.x) maximum = fmaxf(maximum, z[j] / r.tau);
  maximum = block_tree(shared, maximum, Max{});
  for (std::int64_t j = threadIdx.x; j < r.classes; j += blockDim.x) sum += expf(z[j] / r.tau - maximum);
  const float log_sum = maximum + logf(block_tree(shared, sum, Add{}));
  if (threadIdx.x == 0) r.loss[row] = log_sum - z[r.labels[row]] / r.tau;
  for (std::int64_t j = threadIdx.x; j < r.classes; j += blockDim.x)
    r.dz[row * r.classes + j] = r.dloss / r.tau * (expf(z[j] / r.tau - log_sum) - (j == r.labels[row] ? 1.0f : 0.0f));
}

template <bool kOnline>
__global__ void one_warp_a_row(Rows r) {
  const WarpGroup group;
  const std::int64_t row = group.row();
  if (row >= r.rows) return;
  const float* const z = r.z + row * r.classes;
  float maximum = -INFINITY, sum = 0;
  for (std::int64_t j = group.rank(); j < r.classes; j += kWarpSize) {
    const float scaled = z[j] / r.tau;
    if (kOnline && scaled > maximum) sum *= expf(maximum - scaled);
    maximum = fmaxf(maximum, scaled);
    if (kOnline) sum += expf(scaled - maximum);
  }
  const float row_maximum = group.max(maximum);
  if (kOnline)
    sum *= maximum == -INFINITY ? 0.0f : expf(maximum - row_maximum);
  else
    for (std::int64_t j = group.rank(); j < r.classes; j += kWarpSize) sum += expf(z[j] / r.tau - row_maximum);
  const float log_sum = row_maximum + logf(group.sum(sum));
  if (group.rank() == 0) r.loss[row] = log_sum - z[r.labels[row]] / r.tau;
  for (std::int64_t j = group.rank(); j < r.classes; j += kWarpSize)
    r.dz[row * r.classes + j] = r.dloss / r.tau * (expf(z[j] / r.tau - log_sum) - (j == r.labels[row] ? 1.0f : 0.0f));
}

void study(const Cuda& cuda, const Table& table, std::int64_t n, std::int64_t classes) {
  constexpr double kAllowed =
      1e-5;  // of a gradient of at most 1/tau: expf of two libraries, sums of up to 50,000 terms
  const auto size = static_cast<std::size_t>(n * classes);
  std::vector<float> logits(size), expected_loss(static_cast<std::size_t>(n)), expected(size);
  std::vector<std::int32_t> labels(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < size; ++i) logits[i] = 6 * uniform01(philox({1, 2}, i)[0]) - 3;
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i] = static_cast<std::int32_t>(i % static_cast<std::size_t>(classes));
  const float tau = 2.0f, dloss = 1.0f;
  const std::vector<float> cotangents(static_cast<std::size_t>(n), dloss);
  const View<const float> in(logits.data(), {n, classes}), t(&tau, {1});
  const View<const std::int32_t> label(labels.data(), {n});
  softmax_cross_entropy_forward<float>(Cpu{}, {expected_loss.data(), {n}}, in, label, t);
  softmax_cross_entropy_backward<float>(Cpu{}, {expected.data(), {n, classes}}, {cotangents.data(), {n}}, in, label, t);

  const DeviceArray<float> z(cuda, logits), loss(cuda, expected_loss), dz(cuda, expected), temperature(cuda, {tau}),
      dlosses(cuda, cotangents);
  const DeviceArray<std::int32_t> y(cuda, labels);
  const Rows rows = {loss.data(), dz.data(), z.data(), y.data(), n, classes, tau, dloss};
  std::printf("\n%lld rows of %lld classes\n", static_cast<long long>(n), static_cast<long long>(classes));
  const auto row = [&](const char* name, const std::function<void()>& run) {
    dz.poison();
    loss.poison();
    run();
    // A loss of about ten; one thread alone adds up to 50,000 exponentials.
    if (const double error = largest_error(loss.host(), expected_loss); !(error <= 1e-3))
      throw internal_error(name, ": a loss is wrong by ", error);
    table.add(name, 8.0 * static_cast<double>(size), largest_error(dz.host(), expected), kAllowed, run);
  };
  row("1 one thread a row", [&] { launch(cuda, one_thread_a_row, {.grid = pieces(n, 128), .block = 128}, rows); });
  row("2 one block a row, trees",
      [&] { launch(cuda, one_block_a_row, {.grid = static_cast<unsigned>(n), .block = 128}, rows); });
  row("3 one warp a row", [&] { launch_rows<WarpGroup>(cuda, one_warp_a_row<false>, n, rows); });
  row("4 one warp a row, online", [&] { launch_rows<WarpGroup>(cuda, one_warp_a_row<true>, n, rows); });
  const cross_entropy::Rows held = {.logits = z.data(),
                                    .labels = y.data(),
                                    .tau = temperature.data(),
                                    .loss = loss.data(),
                                    .dlogits = dz.data(),
                                    .dloss_of_all = dloss,
                                    .rows = n,
                                    .classes = classes};
  if (classes <= 112 && classes % 4 == 0)
    row("5 four lanes a row",
        [&] { launch_rows<LaneGroup<4>>(cuda, cross_entropy::held_kernel<LaneGroup<4>, 4, 28>, n, held); });
  row("6 tuned", [&] { cross_entropy::run_rows(cuda, held); });
  row("7 production", [&] {
    const View<const float> on_device(z.data(), {n, classes}), device_tau(temperature.data(), {1});
    const View<const std::int32_t> device_labels(y.data(), {n});
    softmax_cross_entropy_forward<float>(cuda, {loss.data(), {n}}, on_device, device_labels, device_tau);
    softmax_cross_entropy_backward<float>(cuda, {dz.data(), {n, classes}}, {dlosses.data(), {n}}, on_device,
                                          device_labels, device_tau);
  });
}

}  // namespace
}  // namespace kelvin::lab

int main(int argc, char** argv) {
  using namespace kelvin;
  using namespace kelvin::lab;
  return run_lab(argc, argv, "softmax_cross_entropy_lab", "softmax cross-entropy, loss and gradient",
                 [](const Cuda& cuda, const Table& table, const Arguments& arguments) {
                   if (arguments.sizes.size() == 2) {
                     study(cuda, table, arguments.sizes[0], arguments.sizes[1]);
                   } else if (arguments.checks_only) {
                     for (const std::int64_t classes : {10, 100, 1000, 20000}) study(cuda, table, 37, classes);
                   } else {
                     study(cuda, table, 65536, 1000);
                     study(cuda, table, 1 << 20, 100);
                     study(cuda, table, 8 << 20, 10);
                     study(cuda, table, 2048, 50000);
                   }
                 });
}
