#include "kernels/device/dynamic_library.h"

#include <dlfcn.h>

#include "kernels/device/error.h"

namespace kelvin {

DynamicLibrary::DynamicLibrary(const char* what, std::initializer_list<const char*> names) : what_(what) {
  std::string reasons;
  for (const std::string folder : {"", "/usr/local/cuda/lib64/"})
    for (const char* name : names) {
      handle_ = dlopen((folder + name).c_str(), RTLD_NOW | RTLD_LOCAL);
      if (handle_ != nullptr) return;
      if (reasons.empty()) reasons = dlerror();
    }
  throw mistake(what, " cannot be loaded (", reasons, "): install it or add its folder to LD_LIBRARY_PATH");
}

void* DynamicLibrary::find(const char* symbol) const {
  void* const found = dlsym(handle_, symbol);
  if (found == nullptr) throw mistake(what_, " has no function ", symbol, ": it is older than this program needs");
  return found;
}

}  // namespace kelvin
