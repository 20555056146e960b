// NVIDIA's libraries on the emulated device: instead of opening a library by name, its functions are looked up in this program, where the
// stand-ins of this folder define them.
#include "tests/cuda_emulation/nvidia/loader.h"

#include <dlfcn.h>

#include <cstdlib>

#include "kernels/device/dynamic_library.h"
#include "kernels/device/error.h"

extern "C" int nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 0;
  return 0;
}

namespace emulated {

bool is_missing(std::string_view library) {
  const char* const missing = std::getenv("KELVIN_EMULATION_MISSING");
  return missing != nullptr && library.find(missing) != std::string_view::npos;
}

}  // namespace emulated

namespace kelvin {

DynamicLibrary::DynamicLibrary(const std::string& what, const std::vector<std::string>& names,
                               const std::vector<std::string>&)
    : what_(what) {
  if (emulated::is_missing(what))
    throw mistake(what, " cannot be loaded (no ", names.front(), "): install it or add its folder to LD_LIBRARY_PATH");
}

void* DynamicLibrary::find(const char* symbol) const {
  void* const found = dlsym(RTLD_DEFAULT, symbol);
  if (found == nullptr) throw mistake(what_, " has no stand-in for ", symbol);
  return found;
}

std::string DynamicLibrary::folder() const { return "emulated"; }

}  // namespace kelvin
