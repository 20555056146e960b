// The emulated runtime and the stand-ins of NVIDIA's libraries detect faults that on a GPU give wrong numbers, or an error only there.
#include <cublasLt.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "kernels/device/cuda.h"
#include "kernels/simt/launch.h"

namespace kelvin::testing {
namespace {

constexpr std::int64_t kN = 300;

struct AddOne {
  float* x;
  template <int N>
  __device__ void run(std::int64_t i) const {
    for (int k = 0; k < N; ++k) x[i + k] += 1.0f;
  }
};

class PlantedRuntime : public ::testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    KELVIN_CHECK_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
    cuda_ = std::make_unique<Cuda>(stream_);
    KELVIN_CHECK_CUDA(cudaMalloc(reinterpret_cast<void**>(&x_), kN * sizeof(float)));
    const std::vector<float> zeros(kN, 0.0f);
    KELVIN_CHECK_CUDA(cudaMemcpyAsync(x_, zeros.data(), kN * sizeof(float), cudaMemcpyHostToDevice, stream_));
  }
  void add_one(std::int64_t n = kN) { launch_elements(*cuda_, n, false, AddOne{x_}); }
  std::vector<float> read_back() {
    std::vector<float> values(kN);
    KELVIN_CHECK_CUDA(cudaMemcpyAsync(values.data(), x_, kN * sizeof(float), cudaMemcpyDeviceToHost, stream_));
    KELVIN_CHECK_CUDA(cudaStreamSynchronize(stream_));
    return values;
  }
  cudaStream_t stream_ = nullptr;
  std::unique_ptr<Cuda> cuda_;
  float* x_ = nullptr;
};

TEST_F(PlantedRuntime, TheHostCannotTouchDeviceMemory) {
  EXPECT_DEATH(x_[7] = 1.0f, "SEGV");
  EXPECT_DEATH(std::printf("%g", static_cast<double>(x_[7])), "SEGV");
}

TEST_F(PlantedRuntime, AKernelCannotWriteBeyondItsBlock) {
  EXPECT_DEATH(
      {
        add_one(kN + 1);
        (void)read_back();
      },
      "use-after-poison(.|\n)*AddOne");
}

TEST_F(PlantedRuntime, MemoryIsGoneOnceItIsFreed) {
  EXPECT_DEATH(
      {
        cudaFree(x_);
        add_one();
        cudaStreamSynchronize(stream_);
      },
      "use-after-poison");
  EXPECT_DEATH(
      {
        cudaFree(x_);
        cudaFree(x_);
        cudaStreamSynchronize(stream_);
      },
      "no live block");
}

// Memory that was not written holds NaN.
TEST_F(PlantedRuntime, FreshMemoryIsNotZero) {
  KELVIN_CHECK_CUDA(cudaMalloc(reinterpret_cast<void**>(&x_), kN * sizeof(float)));
  add_one();
  EXPECT_TRUE(std::isnan(read_back()[kN - 1]));
}

// Pinned memory is read when the device executes the copy: if the host writes it again before that, the copy has the new values.
TEST_F(PlantedRuntime, PinnedMemoryThatIsNotWaitedForCarriesOtherValues) {
  int stale = 0;
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    float* pinned = nullptr;
    KELVIN_CHECK_CUDA(cudaMallocHost(reinterpret_cast<void**>(&pinned), kN * sizeof(float)));
    std::fill(pinned, pinned + kN, 1.0f);
    KELVIN_CHECK_CUDA(cudaMemcpyAsync(x_, pinned, kN * sizeof(float), cudaMemcpyHostToDevice, stream_));
    std::fill(pinned, pinned + kN, 2.0f);  // the fault: no event was waited for
    if (read_back()[0] == 2.0f) ++stale;
    KELVIN_CHECK_CUDA(cudaFreeHost(pinned));
  }
  EXPECT_GT(stale, kTries / 2);
}

TEST_F(PlantedRuntime, ARecordingHasNoPlaceForTheHost) {
  std::vector<float> values(kN, 1.0f);
  const auto recorded = [&](const std::function<cudaError_t()>& call) {
    KELVIN_CHECK_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed));
    EXPECT_EQ(call(), cudaErrorStreamCaptureUnsupported);
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaErrorStreamCaptureInvalidated);
  };
  recorded([&] { return cudaStreamSynchronize(stream_); });
  recorded([&] { return cudaMemcpyAsync(x_, values.data(), 4, cudaMemcpyHostToDevice, stream_); });
  recorded([&] { return cudaMemcpyAsync(values.data(), x_, 4, cudaMemcpyDeviceToHost, stream_); });
}

// A recording runs nothing; every launch of it runs everything, with the recorded arguments.
TEST_F(PlantedRuntime, AGraphIsReplayed) {
  KELVIN_CHECK_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed));
  add_one();
  add_one();
  cudaGraph_t graph = nullptr;
  KELVIN_CHECK_CUDA(cudaStreamEndCapture(stream_, &graph));
  EXPECT_EQ(read_back(), std::vector<float>(kN, 0.0f));
  cudaGraphExec_t exec = nullptr;
  KELVIN_CHECK_CUDA(cudaGraphInstantiate(&exec, graph, 0));
  for (int i = 0; i < 3; ++i) KELVIN_CHECK_CUDA(cudaGraphLaunch(exec, stream_));
  EXPECT_EQ(read_back(), std::vector<float>(kN, 6.0f));
  cudaGraphDestroy(graph);
  cudaGraphExecDestroy(exec);
}

TEST_F(PlantedRuntime, CopiesGoWhereTheirKindSays) {
  std::vector<float> values(kN);
  EXPECT_EQ(cudaMemcpyAsync(x_, values.data(), 4, cudaMemcpyDeviceToDevice, stream_), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpyAsync(values.data(), values.data() + 1, 4, cudaMemcpyDeviceToHost, stream_),
            cudaErrorInvalidValue);
}

// cuBLASLt's heuristic takes matrices for aligned to 256 bytes unless it is told otherwise.
TEST_F(PlantedRuntime, ProductsKeepThePromisedAlignment) {
  cublasLtMatmulDesc_t product = nullptr;
  cublasLtMatmulDescCreate(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F);
  cublasLtMatrixLayout_t layout = nullptr;
  cublasLtMatrixLayoutCreate(&layout, CUDA_R_32F, 4, 4, 4);
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtMatmulPreferenceCreate(&preference);
  const std::size_t most = 1 << 20;
  cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most, sizeof most);
  cublasLtMatmulHeuristicResult_t result{};
  int found = 0;
  ASSERT_EQ(
      cublasLtMatmulAlgoGetHeuristic(nullptr, product, layout, layout, layout, layout, preference, 1, &result, &found),
      CUBLAS_STATUS_SUCCESS);
  void* workspace = nullptr;
  KELVIN_CHECK_CUDA(cudaMalloc(&workspace, most));
  const float one = 1, zero = 0;
  const auto run = [&](const float* a, float* d) {
    return cublasLtMatmul(nullptr, product, &one, a, layout, x_ + 64, layout, &zero, d, layout, d, layout, &result.algo,
                          workspace, most, stream_);
  };
  EXPECT_EQ(run(x_, x_ + 128), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(run(x_ + 4, x_ + 128), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(run(x_, x_ + 132), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(run(x_, x_ + 320), CUBLAS_STATUS_INVALID_VALUE);  // beyond the block
  cublasLtMatmulDescDestroy(product);
  cublasLtMatrixLayoutDestroy(layout);
  cublasLtMatmulPreferenceDestroy(preference);
}

// A stream that joins a capture is as early or as late as it may be, and has to be waited for.
class PlantedSideStream : public PlantedRuntime {
 protected:
  void SetUp() override {
    PlantedRuntime::SetUp();
    KELVIN_CHECK_CUDA(cudaStreamCreateWithFlags(&side_, cudaStreamNonBlocking));
    KELVIN_CHECK_CUDA(cudaEventCreate(&forked_));
    KELVIN_CHECK_CUDA(cudaEventCreate(&joined_));
    KELVIN_CHECK_CUDA(cudaMalloc(reinterpret_cast<void**>(&y_), kN * sizeof(float)));
  }
  void TearDown() override {
    cudaEventDestroy(forked_);
    cudaEventDestroy(joined_);
  }
  // x + 1 beside, and y = x beside that, which ought to come after.
  cudaError_t capture(cudaGraph_t* graph, bool joins) {
    KELVIN_CHECK_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed));
    KELVIN_CHECK_CUDA(cudaEventRecord(forked_, stream_));
    KELVIN_CHECK_CUDA(cudaStreamWaitEvent(side_, forked_, 0));
    launch_elements(Cuda(side_), kN, false, AddOne{x_});
    KELVIN_CHECK_CUDA(cudaMemcpyAsync(y_, x_, kN * sizeof(float), cudaMemcpyDeviceToDevice, stream_));
    if (joins) {
      KELVIN_CHECK_CUDA(cudaEventRecord(joined_, side_));
      KELVIN_CHECK_CUDA(cudaStreamWaitEvent(stream_, joined_, 0));
    }
    return cudaStreamEndCapture(stream_, graph);
  }
  cudaStream_t side_ = nullptr;
  cudaEvent_t forked_ = nullptr, joined_ = nullptr;
  float* y_ = nullptr;
};

TEST_F(PlantedSideStream, WhoReadsBeforeItIsJoinedReadsOneOrTheOther) {
  bool was_early = false, was_late = false;
  for (int i = 0; i < 40; ++i) {
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t exec = nullptr;
    KELVIN_CHECK_CUDA(capture(&graph, true));
    KELVIN_CHECK_CUDA(cudaGraphInstantiate(&exec, graph, 0));
    KELVIN_CHECK_CUDA(cudaGraphLaunch(exec, stream_));
    std::vector<float> y(kN);
    KELVIN_CHECK_CUDA(cudaMemcpyAsync(y.data(), y_, kN * sizeof(float), cudaMemcpyDeviceToHost, stream_));
    KELVIN_CHECK_CUDA(cudaStreamSynchronize(stream_));
    EXPECT_EQ(read_back()[0], static_cast<float>(i + 1));  // once joined it is done
    (y[0] == static_cast<float>(i + 1) ? was_early : was_late) = true;
    cudaGraphExecDestroy(exec);
    cudaGraphDestroy(graph);
  }
  EXPECT_TRUE(was_early);
  EXPECT_TRUE(was_late);
}

TEST_F(PlantedSideStream, ACaptureThatIsNotJoinedFails) {
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(capture(&graph, false), cudaErrorStreamCaptureUnjoined);
}

}  // namespace
}  // namespace kelvin::testing
