#include "kernels/device/transfer.h"

#include "kernels/device/cuda.h"

namespace kelvin {

void copy_from_host(const Cuda& cuda, void* to, const void* from, std::size_t bytes) {
  KELVIN_CHECK_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, cuda.stream()));
}

void copy_to_host(const Cuda& cuda, void* to, const void* from, std::size_t bytes) {
  KELVIN_CHECK_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, cuda.stream()));
  synchronize(cuda);
}

void copy_on_device(const Cuda& cuda, void* to, const void* from, std::size_t bytes) {
  KELVIN_CHECK_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, cuda.stream()));
}

void synchronize(const Cuda& cuda) { KELVIN_CHECK_CUDA(cudaStreamSynchronize(cuda.stream())); }

}  // namespace kelvin
