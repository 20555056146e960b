// 3x3 convolutions of float32 without TF32: from the definition to Winograd's minimal filtering.
//
//   convolution_lab [--check] [IMAGES SIDE CHANNELS]     default: the four of a ResNet, batch 128, as many outputs as inputs
//
// Counted are the bytes that any of them has to move, two images and the filters; what takes the time is products, 18 · CHANNELS a number of the
// direct sum, a quarter of that by Winograd.
//
//   1  one thread an output     the definition, forward alone: neighbouring threads read the same pixels and other filters
//   2  cuDNN                    its fastest plan, whatever that does inside
//   3  Winograd    kernels/convolution/winograd: transformed tiles of all images in memory
#include <cstdlib>

#include "kernels/convolution/conv2d.h"
#include "kernels/convolution/convolve.h"
#include "kernels/convolution/winograd/cuda_convolve.h"
#include "kernels/simt/launch.h"
#include "tools/kernel_lab/lab.h"

namespace kelvin::lab {
namespace {

struct Images {
  std::int64_t count, side, channels;
  [[nodiscard]] Shape shape() const { return {count, side, side, channels}; }
  [[nodiscard]] Shape filters() const { return {channels, 3, 3, channels}; }
};

__global__ void one_thread_an_output(float* y, const float* x, const float* w, Images s) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= s.count * s.side * s.side * s.channels) return;
  const std::int64_t k = i % s.channels, pixel = i / s.channels, col = pixel % s.side, row = pixel / s.side % s.side;
  float sum = 0;
  for (int r = -1; r <= 1; ++r)
    for (int c = -1; c <= 1; ++c) {
      if (row + r < 0 || row + r >= s.side || col + c < 0 || col + c >= s.side) continue;
      const float* const from = x + (pixel + r * s.side + c) * s.channels;
      const float* const filter = w + ((k * 3 + r + 1) * 3 + c + 1) * s.channels;
      for (std::int64_t j = 0; j < s.channels; ++j) sum += from[j] * filter[j];
    }
  y[i] = sum;
}

struct Numbers {
  std::vector<float> x, w, y;
};

void study(const Cuda& cuda, const Table& table, const Images& s, ConvDirection direction, const Numbers& numbers) {
  static constexpr const char* kNames[] = {"forward", "data gradient", "filter gradient"};
  const auto& [x, w, y] = numbers;
  std::vector<float> expected(direction == ConvDirection::backward_filter ? w.size() : x.size());
  const ConvOptions options = {.pad = 1};
  const View<const float> x_view(x.data(), s.shape()), w_view(w.data(), s.filters()), y_view(y.data(), s.shape());
  switch (direction) {
    case ConvDirection::forward:
      conv2d_forward<float, float>(Cpu{}, {expected.data(), s.shape()}, x_view, w_view, {}, options);
      break;
    case ConvDirection::backward_data:
      conv2d_backward_data<float, float>(Cpu{}, {expected.data(), s.shape()}, y_view, w_view, options);
      break;
    case ConvDirection::backward_filter:
      conv2d_backward_filter<float>(Cpu{}, {expected.data(), s.filters()}, x_view, y_view, options);
  }
  double squares = 0;
  for (const float e : expected) squares += static_cast<double>(e) * static_cast<double>(e);
  // The CPU may go by Winograd, too: a few millionths of the typical result, six times that for the largest of some million.
  const double allowed = 5e-5 * std::sqrt(squares / static_cast<double>(expected.size()));

  const DeviceArray<float> images(cuda, x), filters(cuda, w), outputs(cuda, y), result(cuda, expected);
  ConvProblem problem{.direction = direction, .dtype = DType::f32, .pad = 1};
  problem.x = {s.count, s.side, s.side, s.channels};
  problem.w = {s.channels, 3, 3, s.channels};
  ConvTensors tensors{.x = images.data(), .w = filters.data(), .y = outputs.data()};
  (direction == ConvDirection::forward         ? tensors.y
   : direction == ConvDirection::backward_data ? tensors.x
                                               : tensors.w) = result.data();
  if (!winograd::is_fit(problem)) throw mistake("Winograd's algorithm is for 16 channels and more");
  const double bytes = 4.0 * static_cast<double>(x.size() + y.size() + w.size());
  std::printf("\n%s of %lld images %lld x %lld x %lld, direct sum %.2f GFLOP\n", kNames[static_cast<int>(direction)],
              static_cast<long long>(s.count), static_cast<long long>(s.side), static_cast<long long>(s.side),
              static_cast<long long>(s.channels),
              18e-9 * static_cast<double>(x.size() * static_cast<std::size_t>(s.channels)));
  const auto row = [&](const char* name, const std::function<void()>& run, double times = 1) {
    result.poison();
    run();
    table.add(name, bytes, largest_error(result.host(), expected), times * allowed, run);
  };
  if (direction == ConvDirection::forward)
    row("1 one thread an output", [&] {
      launch(cuda, one_thread_an_output, {.grid = pieces(s.shape().size(), 256)}, result.data(), images.data(),
             filters.data(), s);
    });
  setenv("KELVIN_WINOGRAD", "0", 1);  // of the ways of convolve.h those of cuDNN are left
  // A filter gradient sums over all pixels, which cuDNN does one after the other: 2.3e-4 of the typical result for 131,072 of them on an H100.
  row(
      "2 cuDNN", [&] { convolve(cuda, problem, tensors); }, direction == ConvDirection::backward_filter ? 8 : 1);
  unsetenv("KELVIN_WINOGRAD");
  row("3 Winograd", [&] { winograd::cuda_convolve(cuda, problem, tensors); });
}

}  // namespace
}  // namespace kelvin::lab

int main(int argc, char** argv) {
  using namespace kelvin;
  using namespace kelvin::lab;
  return run_lab(argc, argv, "convolution_lab", "3x3 convolution of float32",
                 [](const Cuda& cuda, const Table& table, const Arguments& arguments) {
                   std::vector<Images> all = {{128, 32, 64}, {128, 16, 128}, {128, 8, 256}, {128, 4, 512}};
                   if (arguments.sizes.size() == 3)
                     all = {{arguments.sizes[0], arguments.sizes[1], arguments.sizes[2]}};
                   else if (arguments.checks_only)
                     all = {{5, 10, 16}, {2, 4, 32}};
                   for (const Images& images : all) {
                     const Numbers numbers = {drawn(images.shape().size(), 1), drawn(images.filters().size(), 2),
                                              drawn(images.shape().size(), 3)};
                     for (const ConvDirection direction :
                          {ConvDirection::forward, ConvDirection::backward_data, ConvDirection::backward_filter})
                       study(cuda, table, images, direction, numbers);
                   }
                 });
}
