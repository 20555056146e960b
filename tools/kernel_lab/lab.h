// What the kernel laboratory's programs share: checking a variant, timing it on inputs too large for the cache, and the ceiling that
// its memory traffic is held against (a device-to-device copy on the same GPU in the same run, bytes read plus bytes written).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/device/cuda.h"
#include "kernels/device/philox.h"
#include "kernels/device/pool_block.h"
#include "kernels/device/transfer.h"
#include "kernels/libraries/cuda_device.h"

namespace kelvin::lab {

inline const Cuda& device() {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) throw mistake("the kernel laboratory needs a GPU: ", reason);
  return *cuda;
}

// What the command line asks for: sizes, and `--check`, which runs every variant once on small inputs and times nothing.
struct Arguments {
  bool checks_only = false;
  std::vector<std::int64_t> sizes;
  Arguments(int argc, char** argv) {
    for (int i = 1; i < argc; ++i)
      if (std::string_view(argv[i]) == "--check")
        checks_only = true;
      else
        sizes.push_back(std::atoll(argv[i]));
  }
};

template <class T>
class DeviceArray {
 public:
  DeviceArray(const Cuda& cuda, const std::vector<T>& host) : cuda_(cuda), size_(host.size()), block_(cuda, bytes()) {
    copy_from_host(cuda, data(), host.data(), bytes());
  }
  [[nodiscard]] T* data() const { return block_.template as<T>(); }
  [[nodiscard]] std::vector<T> host() const {
    std::vector<T> values(size_);
    copy_to_host(cuda_, values.data(), data(), bytes());
    return values;
  }
  void poison() const { KELVIN_CHECK_CUDA(cudaMemsetAsync(data(), 0xff, bytes(), cuda_.stream())); }
  void copy_from(const DeviceArray& other) const { copy_on_device(cuda_, data(), other.data(), bytes()); }

 private:
  [[nodiscard]] std::size_t bytes() const { return size_ * sizeof(T); }
  const Cuda& cuda_;
  std::size_t size_;
  CudaBlock block_;
};

// Numbers in [-1, 1) from a stream of their own.
inline std::vector<float> drawn(std::int64_t size, std::uint64_t stream) {
  std::vector<float> values(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 2 * uniform01(philox({stream, 3}, i)[0]) - 1;
  return values;
}

// Median seconds of one run out of 50, each timed with events, after five to warm up. `flush` empties the cache before every run.
inline double median_seconds(const Cuda& cuda, const std::function<void()>& run) {
  static const DeviceArray<char> flush(cuda, std::vector<char>(std::size_t{256} << 20, 1));
  cudaEvent_t begin, end;
  KELVIN_CHECK_CUDA(cudaEventCreate(&begin));
  KELVIN_CHECK_CUDA(cudaEventCreate(&end));
  std::vector<double> times;
  for (int i = 0; i < 55; ++i) {
    KELVIN_CHECK_CUDA(cudaMemsetAsync(flush.data(), i, std::size_t{256} << 20, cuda.stream()));
    KELVIN_CHECK_CUDA(cudaEventRecord(begin, cuda.stream()));
    run();
    KELVIN_CHECK_CUDA(cudaEventRecord(end, cuda.stream()));
    KELVIN_CHECK_CUDA(cudaEventSynchronize(end));
    float milliseconds = 0;
    KELVIN_CHECK_CUDA(cudaEventElapsedTime(&milliseconds, begin, end));
    if (i >= 5) times.push_back(milliseconds / 1e3);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// Bytes a second of a copy of 512 MiB.
inline double copy_bandwidth(const Cuda& cuda) {
  constexpr std::size_t kBytes = std::size_t{512} << 20;
  const DeviceArray<char> a(cuda, std::vector<char>(kBytes, 1)), b(cuda, std::vector<char>(kBytes, 2));
  const double seconds = median_seconds(cuda, [&] {
    KELVIN_CHECK_CUDA(cudaMemcpyAsync(b.data(), a.data(), kBytes, cudaMemcpyDeviceToDevice, cuda.stream()));
  });
  return 2.0 * kBytes / seconds;
}

// The largest distance of two results; infinite where one is not a number.
inline double largest_error(const std::vector<float>& got, const std::vector<float>& expected) {
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(double{got[i]} - expected[i]);
    largest = std::max(largest, std::isnan(error) ? INFINITY : error);
  }
  return largest;
}

// The rows of one program's table.
class Table {
 public:
  Table(const Cuda& cuda, const Arguments& arguments, const char* what)
      : cuda_(cuda), is_timed_(!arguments.checks_only) {
    std::printf("%s\n%s", what, describe_cuda(cuda).c_str());
    if (is_timed_) std::printf(", copy %.0f GB/s", (ceiling_ = copy_bandwidth(cuda)) / 1e9);
    std::printf("\n%-44s %10s %10s %8s %s\n", "variant", "ms", "GB/s", "of copy", "largest error");
  }

  // A variant that has been run once, with what it got wrong: more than `allowed` ends the program. Times it.
  void add(const std::string& name, double bytes, double error, double allowed,
           const std::function<void()>& run) const {
    if (!(error <= allowed)) throw internal_error(name, " is wrong by ", error, ", more than ", allowed);
    if (!is_timed_) {
      std::printf("%-44s %30s %.2e\n", name.c_str(), "", error);
      return;
    }
    const double seconds = median_seconds(cuda_, run);
    std::printf("%-44s %10.4f %10.0f %7.1f%% %.2e\n", name.c_str(), seconds * 1e3, bytes / seconds / 1e9,
                100 * bytes / seconds / ceiling_, error);
  }

 private:
  const Cuda& cuda_;
  bool is_timed_;
  double ceiling_ = 0;
};

// The whole of a program: its table begun, then `studies(cuda, table, arguments)`. Errors in one line, with the program's exit code.
template <class Studies>
int run_lab(int argc, char** argv, const char* program, const char* what, const Studies& studies) try {
  const Cuda& cuda = device();
  const Arguments arguments(argc, argv);
  studies(cuda, Table(cuda, arguments, what), arguments);
  return 0;
} catch (const Error& e) {
  std::fprintf(stderr, "%s: %s\n", program, e.what());
  return static_cast<int>(e.code());
}

}  // namespace kelvin::lab
