#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <regex>
#include <string>
#include <vector>

#include "kernels/device/cuda_profile.h"

namespace kelvin {
namespace {

struct Timed {
  std::string name;
  cudaEvent_t begin = nullptr, end = nullptr;
};
std::mutex mutex;
std::vector<Timed> timed;  // since the last collection

}  // namespace

// "elements_kernel<Relu<float>>" for the symbol of void kelvin::(anonymous namespace)::elements_kernel<...>(long, long, ...).
std::string CudaRange::name_of_kernel(const void* kernel) {
  const char* symbol = nullptr;
  KELVIN_CHECK_CUDA(cudaFuncGetName(&symbol, kernel));
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(symbol, nullptr, nullptr, &status), std::free);
  if (status != 0) return symbol;
  static const std::regex noise("\\(anonymous namespace\\)::|kelvin::|^void ");
  const std::string name = std::regex_replace(std::string(text.get()), noise, "");
  return name.substr(0, name.find('('));
}

void CudaRange::begin(const Cuda& cuda, std::string name) {
  Timed t{std::move(name)};
  KELVIN_CHECK_CUDA(cudaEventCreate(&t.begin));
  KELVIN_CHECK_CUDA(cudaEventCreate(&t.end));
  stream_ = cuda.stream();
  end_ = t.end;
  KELVIN_CHECK_CUDA(cudaEventRecord(t.begin, stream_));
  const std::lock_guard lock(mutex);
  timed.push_back(std::move(t));
}

void profile_collect(const Cuda& cuda) {
  KELVIN_CHECK_CUDA(cudaStreamSynchronize(cuda.stream()));
  const std::lock_guard lock(mutex);
  for (const Timed& t : timed) {
    float milliseconds = 0;
    KELVIN_CHECK_CUDA(cudaEventElapsedTime(&milliseconds, t.begin, t.end));
    profile_add(t.name, static_cast<double>(milliseconds) / 1000);
    cudaEventDestroy(t.begin);
    cudaEventDestroy(t.end);
  }
  timed.clear();
}

}  // namespace kelvin
