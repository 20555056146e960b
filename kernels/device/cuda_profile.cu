#include <cxxabi.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <regex>
#include <string>
#include <vector>

#include "kernels/device/cuda_hold.h"
#include "kernels/device/cuda_profile.h"
#include "kernels/device/host_wait.h"

namespace kelvin {
namespace {

struct Timed {
  std::string name;
  cudaEvent_t begin = nullptr, end = nullptr;
};
std::mutex mutex;
std::vector<Timed> timed;  // since the last collection
// Events for reuse: creating one takes longer than recording it. Never destroyed, because that is impossible after the runtime has ended.
auto& at_rest = *new std::vector<cudaEvent_t>;

cudaEvent_t take_event() {
  cudaEvent_t event = nullptr;
  if (at_rest.empty()) {
    KELVIN_CHECK_CUDA(cudaEventCreate(&event));
  } else {
    event = at_rest.back();
    at_rest.pop_back();
  }
  return event;
}

std::string readable(const char* symbol) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(symbol, nullptr, nullptr, &status), std::free);
  if (status != 0) return symbol;
  static const std::regex noise("\\(anonymous namespace\\)::|kelvin::|^void ");
  const std::string name = std::regex_replace(std::string(text.get()), noise, "");
  return name.substr(0, name.find('('));
}

}  // namespace

// "elements_kernel<Relu<float>>" for the symbol of void kelvin::(anonymous namespace)::elements_kernel<...>(long, long, ...).
std::string CudaRange::name_of_kernel(const void* kernel) {
  static auto& names = *new std::map<const void*, std::string>;
  const std::lock_guard lock(mutex);
  const auto [found, is_new] = names.try_emplace(kernel);
  if (is_new) {
    const char* symbol = nullptr;
    KELVIN_CHECK_CUDA(cudaFuncGetName(&symbol, kernel));
    found->second = readable(symbol);
  }
  return found->second;
}

void CudaRange::begin(const Cuda& cuda, std::string name) {
  const std::lock_guard lock(mutex);
  Timed t{std::move(name), take_event(), take_event()};
  stream_ = cuda.stream();
  end_ = t.end;
  KELVIN_CHECK_CUDA(cudaEventRecord(t.begin, stream_));
  timed.push_back(std::move(t));
}

void profile_hold(const Cuda& cuda) { hold_stream(cuda, 20); }

void profile_collect(const Cuda& cuda) {
  wait_for_stream(cuda);
  const std::lock_guard lock(mutex);
  for (const Timed& t : timed) {
    float milliseconds = 0;
    KELVIN_CHECK_CUDA(cudaEventElapsedTime(&milliseconds, t.begin, t.end));
    profile_add(t.name, static_cast<double>(milliseconds) / 1000);
    at_rest.insert(at_rest.end(), {t.begin, t.end});
  }
  timed.clear();
}

}  // namespace kelvin
