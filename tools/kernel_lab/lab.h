// What the kernel laboratory's programs share: checking a variant, timing it on inputs too large for the cache, and the ceiling that
// its memory traffic is held against (a device-to-device copy on the same GPU in the same run, bytes read plus bytes written).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "kernels/device/cuda.h"
#include "kernels/device/cuda_device.h"

namespace kelvin::lab {

inline const Cuda& device() {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) throw mistake("the kernel laboratory needs a GPU: ", reason);
  return *cuda;
}

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<T>& host) : size_(host.size()) {
    KELVIN_CHECK_CUDA(cudaMalloc(&data_, size_ * sizeof(T)));
    KELVIN_CHECK_CUDA(cudaMemcpy(data_, host.data(), size_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  [[nodiscard]] T* data() const { return data_; }
  [[nodiscard]] std::vector<T> host() const {
    std::vector<T> values(size_);
    KELVIN_CHECK_CUDA(cudaDeviceSynchronize());
    KELVIN_CHECK_CUDA(cudaMemcpy(values.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }
  // Both wait: the runs to be checked are on a stream of their own.
  void poison() const {
    KELVIN_CHECK_CUDA(cudaMemset(data_, 0xff, size_ * sizeof(T)));
    KELVIN_CHECK_CUDA(cudaDeviceSynchronize());
  }
  void copy_from(const DeviceArray& other) const {
    KELVIN_CHECK_CUDA(cudaMemcpy(data_, other.data_, size_ * sizeof(T), cudaMemcpyDeviceToDevice));
    KELVIN_CHECK_CUDA(cudaDeviceSynchronize());
  }

 private:
  T* data_ = nullptr;
  std::size_t size_;
};

// Median seconds of one run out of 50, each timed with events, after five to warm up. `flush` empties the cache before every run.
inline double median_seconds(const Cuda& cuda, const std::function<void()>& run) {
  static const DeviceArray<char> flush(std::vector<char>(std::size_t{256} << 20, 1));
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
  const DeviceArray<char> a(std::vector<char>(kBytes, 1)), b(std::vector<char>(kBytes, 2));
  const double seconds = median_seconds(cuda, [&] {
    KELVIN_CHECK_CUDA(cudaMemcpyAsync(b.data(), a.data(), kBytes, cudaMemcpyDeviceToDevice, cuda.stream()));
  });
  return 2.0 * kBytes / seconds;
}

inline void print_header(const Cuda& cuda, const char* what) {
  std::printf("%s\n%s, copy %.0f GB/s\n%-44s %10s %10s %8s %s\n", what, describe_cuda(cuda).c_str(),
              copy_bandwidth(cuda) / 1e9, "variant", "ms", "GB/s", "of copy", "largest error");
}

inline void print_row(const Cuda& cuda, const std::string& name, double bytes, double error,
                      const std::function<void()>& run) {
  static const double ceiling = copy_bandwidth(cuda);
  const double seconds = median_seconds(cuda, run);
  std::printf("%-44s %10.4f %10.0f %7.1f%% %.2e\n", name.c_str(), seconds * 1e3, bytes / seconds / 1e9,
              100 * bytes / seconds / ceiling, error);
}

}  // namespace kelvin::lab
