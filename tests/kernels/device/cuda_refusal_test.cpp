// The messages of `--device cuda` and `auto` on machines other than this one.
#include "kernels/device/cuda_refusal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/device/nvidia_hardware.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;

CudaProbe device(int major, int minor) {
  return {.devices = 1, .error = "cudaSuccess", .name = "A GPU", .major = major, .minor = minor};
}

// On a machine without NVIDIA hardware or driver `auto` prints no note; with a GPU or a driver it does.
TEST(CudaRefusal, AMissingDriverIsWorthAWordWhereThereIsAGpu) {
  const CudaRefusal none = refusal({.has_driver = false, .error = "cudaErrorInsufficientDriver"});
  EXPECT_EQ(none.reason, "no NVIDIA driver (libcuda.so.1)");
  EXPECT_FALSE(none.is_worth_saying);
  const CudaRefusal without = refusal({.has_driver = false, .has_gpu = true});
  EXPECT_THAT(without.reason, HasSubstr("there is an NVIDIA GPU but no driver"));
  EXPECT_TRUE(without.is_worth_saying);
  const CudaRefusal old = refusal({.has_driver = false, .driver_version = 12040, .runtime_version = 13000});
  EXPECT_EQ(old.reason, "the NVIDIA driver is for CUDA 12.4; this program needs one for 13.0 or later");
  EXPECT_TRUE(old.is_worth_saying);
}

TEST(CudaRefusal, NamesWhatIsMissing) {
  EXPECT_EQ(refusal({.error = "cudaErrorNoDevice"}).reason, "no NVIDIA GPU (cudaErrorNoDevice)");
  EXPECT_TRUE(refusal({.error = "cudaErrorNoDevice"}).is_worth_saying);
  EXPECT_EQ(refusal(device(12, 0)).reason,
            "this build has no kernels for A GPU (compute capability 12.0); build it with "
            "-DKELVIN_CUDA_ARCHITECTURES=120");
  CudaProbe busy = device(9, 0);
  busy.failure = "cudaErrorDevicesUnavailable: busy";
  EXPECT_EQ(refusal(busy).reason, "A GPU (compute capability 9.0) cannot be used: cudaErrorDevicesUnavailable: busy");
  CudaProbe bare = device(9, 0);
  bare.has_kernels = true;
  bare.libraries = "cuDNN 9 cannot be loaded";
  EXPECT_EQ(refusal(bare).reason, "cuDNN 9 cannot be loaded");
  EXPECT_EQ(refusal(bare).code, ExitCode::mistake);
}

// No build can have kernels for these: the advice to make one cannot be followed.
TEST(CudaRefusal, AnOldGpuIsToldWhatIsRequired) {
  for (const bool has_kernels : {false, true}) {
    CudaProbe old = device(7, 5);
    old.has_kernels = has_kernels;
    EXPECT_EQ(refusal(old).reason,
              "A GPU (compute capability 7.5) is too old: this program needs compute capability 8.0 or later, as an "
              "A100 has");
  }
}

TEST(CudaRefusal, AFullGpuIsOutOfMemory) {
  CudaProbe full = device(9, 0);
  full.has_memory = false;
  EXPECT_EQ(
      refusal(full).reason,
      "A GPU (compute capability 9.0) has no memory left for this program: nvidia-smi shows which processes use it");
  EXPECT_EQ(refusal(full).code, ExitCode::out_of_memory);
}

// With one GPU a launcher may show each rank its own; whether two have the same is seen later.
TEST(CudaRefusal, EachRankOfAMachineNeedsAGpu) {
  CudaProbe few = device(9, 0);
  few.has_kernels = true;
  few.devices = 2;
  few.processes = 3;
  EXPECT_EQ(refusal(few).reason, "3 ranks on this machine, which has 2 GPUs: start one rank a GPU");
  EXPECT_EQ(refusal(few).code, ExitCode::mistake);
  few.processes = 2;
  EXPECT_EQ(refusal(few).reason, "");
  few.devices = 1;
  EXPECT_EQ(refusal(few).reason, "");
}

TEST(CudaRefusal, NothingWhereTheDeviceCanBeUsed) {
  CudaProbe good = device(9, 0);
  good.has_kernels = true;
  EXPECT_EQ(refusal(good).reason, "");
}

TEST(NvidiaHardware, IsADisplayOrComputeControllerOnTheBus) {
  const testing::TemporaryFolder bus;
  EXPECT_FALSE(has_nvidia_gpu(bus / "nowhere"));
  const auto plug_in = [&](const std::string& name, const char* vendor, const char* kind) {
    std::filesystem::create_directories(bus / name);
    std::ofstream(bus / (name + "/vendor")) << vendor << "\n";
    std::ofstream(bus / (name + "/class")) << kind << "\n";
  };
  plug_in("0000:00:02.0", "0x8086", "0x030000");  // another vendor's display
  plug_in("0000:01:00.1", "0x10de", "0x040300");  // NVIDIA's sound
  EXPECT_FALSE(has_nvidia_gpu(bus.path()));
  plug_in("0000:01:00.0", "0x10de", "0x030200");
  EXPECT_TRUE(has_nvidia_gpu(bus.path()));
}

}  // namespace
}  // namespace kelvin
