// Dynamic shared memory on the emulated device: what a GPU refuses is refused, what it would let pass is seen.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "kernels/device/cuda.h"
#include "kernels/simt/dynamic_shared.h"
#include "kernels/simt/launch.h"

namespace kelvin::testing {
namespace {

constexpr int kThreads = 64;

// Writes `written` numbers to shared memory and reads the first `kThreads` of them back to front.
__global__ void turn_round(float* out, int written, bool waits) {
  float* const numbers = dynamic_shared<float>();
  const int thread = static_cast<int>(threadIdx.x);
  for (int i = thread; i < written; i += kThreads) numbers[i] = static_cast<float>(i);
  if (waits) __syncthreads();
  out[thread] = numbers[kThreads - 1 - thread];
}

class SharedMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    KELVIN_CHECK_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
    cuda_ = std::make_unique<Cuda>(stream_);
    KELVIN_CHECK_CUDA(cudaMalloc(reinterpret_cast<void**>(&out_), kThreads * sizeof(float)));
  }
  std::vector<float> run(unsigned bytes, int written, bool waits = true) {
    launch(*cuda_, turn_round, {.grid = 1, .block = kThreads, .shared = bytes}, out_, written, waits);
    std::vector<float> values(kThreads);
    KELVIN_CHECK_CUDA(cudaMemcpyAsync(values.data(), out_, kThreads * sizeof(float), cudaMemcpyDeviceToHost, stream_));
    KELVIN_CHECK_CUDA(cudaStreamSynchronize(stream_));
    return values;
  }
  cudaError_t launch_unasked(unsigned bytes) {
    cudaLaunchConfig_t config = {};
    config.blockDim = dim3(kThreads);
    config.dynamicSmemBytes = bytes;
    config.stream = stream_;
    return cudaLaunchKernelEx(&config, turn_round, out_, kThreads, true);
  }
  cudaStream_t stream_ = nullptr;
  std::unique_ptr<Cuda> cuda_;
  float* out_ = nullptr;
};

TEST_F(SharedMemory, IsAsLargeAsTheLaunchAsks) {
  for (const int size : {kThreads, 12 * 1024, 50'000}) {
    const std::vector<float> values = run(static_cast<unsigned>(size) * 4, size);
    EXPECT_EQ(values.front(), kThreads - 1);
    EXPECT_EQ(values.back(), 0);
  }
}

TEST_F(SharedMemory, MoreThan48KiBHasToBeAllowed) {
  KELVIN_CHECK_CUDA(
      cudaFuncSetAttribute(reinterpret_cast<const void*>(turn_round), cudaFuncAttributeMaxDynamicSharedMemorySize, 0));
  EXPECT_EQ(launch_unasked(48 * 1024), cudaSuccess);
  EXPECT_EQ(launch_unasked(48 * 1024 + 4), cudaErrorInvalidValue);
  (void)run(64 * 1024, kThreads);  // `launch` allows it
  EXPECT_EQ(launch_unasked(64 * 1024), cudaSuccess);
  EXPECT_EQ(launch_unasked(64 * 1024 + 4), cudaErrorInvalidValue);
}

TEST_F(SharedMemory, MoreThanABlockMayHaveIsRefused) {
  const auto most = static_cast<unsigned>(most_shared_memory());
  EXPECT_EQ(most, 227u * 1024);
  EXPECT_EQ(run(most, kThreads).back(), 0);
  EXPECT_THROW((void)run(most + 4, kThreads), Error);
}

TEST_F(SharedMemory, AnAccessBeyondItIsSeen) {
  EXPECT_DEATH((void)run(kThreads * 4, kThreads + 1), "heap-buffer-overflow(.|\n)*turn_round");
  EXPECT_DEATH((void)run(0, kThreads), "heap-buffer-overflow(.|\n)*turn_round");
}

// Shared memory that was not written is NaN, also in the second launch: nothing is left from the first.
TEST_F(SharedMemory, IsNotZeroAtFirst) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(std::isnan(run(kThreads * 4, kThreads / 2)[0]));
    EXPECT_EQ(run(kThreads * 4, kThreads)[0], kThreads - 1);
  }
}

TEST_F(SharedMemory, AMissingBarrierShows) {
  int wrong = 0;
  constexpr int kTries = 30;
  for (int i = 0; i < kTries; ++i)
    for (const float value : run(kThreads * 4, kThreads, false))
      if (std::isnan(value)) {
        ++wrong;
        break;
      }
  EXPECT_GT(wrong, kTries * 2 / 3);
}

}  // namespace
}  // namespace kelvin::testing
