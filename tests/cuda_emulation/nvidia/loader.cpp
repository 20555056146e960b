// NVIDIA's libraries as the emulated device has them: instead of opening one by name, its functions are looked for in this program, where
// the stand-ins of this folder define them.
#include <dlfcn.h>

#include "kernels/device/dynamic_library.h"
#include "kernels/device/error.h"

namespace kelvin {

DynamicLibrary::DynamicLibrary(const char* what, std::initializer_list<const char*>) : what_(what) {}

void* DynamicLibrary::find(const char* symbol) const {
  void* const found = dlsym(RTLD_DEFAULT, symbol);
  if (found == nullptr) throw mistake(what_, " has no stand-in for ", symbol);
  return found;
}

}  // namespace kelvin
