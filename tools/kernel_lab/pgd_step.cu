// The L∞ step of projected gradient descent: from three launches to the production kernel.
//
//   pgd_step_lab [--check] [PIXELS]     default: 64 Mi pixels
//
// The fused step reads x, x0 and g and writes x: 16 bytes a pixel are counted for every variant, whatever it moves itself.
//
//   1  three launches           sign step, ball, box: x goes through memory three times
//   2  one launch, one pixel    4-byte accesses
//   3  one launch, four pixels  16-byte accesses
//   4  production               kernels/attacks/pgd_step.cu: 3 as a loop over a grid of a few waves
#include "kernels/attacks/pgd_bounds.h"
#include "kernels/attacks/pgd_step.h"
#include "kernels/device/philox.h"
#include "kernels/simt/launch.h"
#include "kernels/simt/packs.h"
#include "tools/kernel_lab/lab.h"

namespace kelvin::lab {
namespace {

struct Step {
  float* x;
  const float *x0, *g;
  std::int64_t n;
  float eps, length;
};

__device__ std::int64_t thread_index() { return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ float sign(float g) { return static_cast<float>(g > 0.0f) - static_cast<float>(g < 0.0f); }

__global__ void sign_step(Step s) {
  const std::int64_t i = thread_index();
  if (i < s.n) s.x[i] += s.length * sign(s.g[i]);
}
__global__ void into_ball(Step s) {
  const std::int64_t i = thread_index();
  if (i < s.n) s.x[i] = project_linf(s.x[i], s.x0[i], s.eps);
}
__global__ void into_box(Step s) {
  const std::int64_t i = thread_index();
  if (i < s.n) s.x[i] = clamp_to_box(s.x[i]);
}
__global__ void fused(Step s) {
  const std::int64_t i = thread_index();
  if (i < s.n) s.x[i] = project_linf(s.x[i] + s.length * sign(s.g[i]), s.x0[i], s.eps);
}
__global__ void fused_by_four(Step s) {
  const std::int64_t i = 4 * thread_index();
  if (i >= s.n) return;
  Pack<4> x = load<4>(s.x + i);
  const Pack<4> x0 = load<4>(s.x0 + i), g = load<4>(s.g + i);
  for (int k = 0; k < 4; ++k) x[k] = project_linf(x[k] + s.length * sign(g[k]), x0[k], s.eps);
  store<4>(s.x + i, x);
}

void study(const Cuda& cuda, const Table& table, std::int64_t n) {
  constexpr double kAllowed = 1e-7;  // the same operations in the same order, but for a fused multiply and add
  const auto size = static_cast<std::size_t>(n);
  std::vector<float> x0(size), g(size);
  for (std::size_t i = 0; i < size; ++i) {
    const auto bits = philox({1, 2}, i);
    x0[i] = uniform01(bits[0]);
    g[i] = 2 * uniform01(bits[1]) - 1;
  }
  const PgdOptions o{8.0f / 255, 2.0f / 255};
  std::vector<float> expected = x0;
  const Shape shape = {1, n};
  pgd_step_linf(Cpu{}, {expected.data(), shape}, View<const float>(x0.data(), shape),
                View<const float>(g.data(), shape), o);
  const DeviceArray<float> centre(cuda, x0), gradient(cuda, g), x(cuda, x0);
  const Step step = {x.data(), centre.data(), gradient.data(), n, o.eps, o.step};
  const auto row = [&](const char* name, const std::function<void()>& run) {
    x.copy_from(centre);
    run();
    table.add(name, 16.0 * static_cast<double>(n), largest_error(x.host(), expected), kAllowed, run);
  };
  const LaunchShape one = {.grid = pieces(n, 256), .block = 256};
  row("1 three launches", [&] {
    launch(cuda, sign_step, one, step);
    launch(cuda, into_ball, one, step);
    launch(cuda, into_box, one, step);
  });
  row("2 one launch, one pixel a thread", [&] { launch(cuda, fused, one, step); });
  row("3 one launch, four pixels a thread",
      [&] { launch(cuda, fused_by_four, {.grid = pieces(n, 1024), .block = 256}, step); });
  row("4 production", [&] {
    pgd_step_linf(cuda, {x.data(), shape}, View<const float>(centre.data(), shape),
                  View<const float>(gradient.data(), shape), o);
  });
}

}  // namespace
}  // namespace kelvin::lab

int main(int argc, char** argv) {
  using namespace kelvin;
  using namespace kelvin::lab;
  return run_lab(argc, argv, "pgd_step_lab", "PGD step, L∞",
                 [](const Cuda& cuda, const Table& table, const Arguments& arguments) {
                   const std::int64_t usual = arguments.checks_only ? 5000 : std::int64_t{64} << 20;
                   study(cuda, table, arguments.sizes.empty() ? usual : arguments.sizes[0] / 4 * 4);
                 });
}
