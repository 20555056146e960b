// How the emulated device is set up before the first test: thread orders by KELVIN_EMULATION_SEED, blocks of memory exactly as large as
// asked and never handed out twice, so that the address sanitizer sees each byte too far (KELVIN_EMULATION_POOL=cached: as on a GPU).
#include <cstdlib>
#include <string_view>

#include "kernels/device/cuda.h"
#include "kernels/device/pool.h"
#include "tests/cuda_emulation/simt.h"

namespace kelvin {
namespace {

[[maybe_unused]] const bool is_set_up = [] {
  if (const char* const seed = std::getenv("KELVIN_EMULATION_SEED"))
    simt::config().seed = std::strtoull(seed, nullptr, 10);
  const char* const pool = std::getenv("KELVIN_EMULATION_POOL");
  if (pool == nullptr || std::string_view(pool) != "cached") pool_use_exact_blocks(Cuda(nullptr));
  return true;
}();

}  // namespace
}  // namespace kelvin
