#include "kernels/device/dynamic_library.h"

#include <dlfcn.h>
#include <link.h>

#include <string_view>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

// The loader's errors for the names that were tried: names without a file in one list, every other with its reason.
class Reasons {
 public:
  void add(const std::string& name, std::string_view said) {
    const std::string nowhere = name + ": cannot open shared object file: No such file or directory";
    std::string& list = said == nowhere ? nowhere_ : others_;
    if (!list.empty()) list += said == nowhere ? ", " : "; ";
    list += said == nowhere ? name : said.starts_with(name) ? std::string(said) : str(name, ": ", said);
  }
  [[nodiscard]] std::string text() const {
    return str(others_, others_.empty() || nowhere_.empty() ? "" : "; ", nowhere_.empty() ? "" : "no ", nowhere_);
  }

 private:
  std::string nowhere_, others_;
};

}  // namespace

DynamicLibrary::DynamicLibrary(const std::string& what, const std::vector<std::string>& names,
                               const std::vector<std::string>& folders)
    : what_(what) {
  std::vector<std::string> places = {""};
  for (const std::string& folder : folders) places.push_back(folder + "/");
  Reasons reasons;
  for (const std::string& place : places)
    for (const std::string& name : names) {
      handle_ = dlopen((place + name).c_str(), RTLD_NOW | RTLD_LOCAL);
      if (handle_ != nullptr) return;
      reasons.add(place + name, dlerror());
    }
  throw mistake(what, " cannot be loaded (", reasons.text(), "): install it or add its folder to LD_LIBRARY_PATH");
}

void* DynamicLibrary::find(const char* symbol) const {
  void* const found = dlsym(handle_, symbol);
  if (found == nullptr)
    throw mistake(what_, " in ", folder(), " has no function ", symbol, ": it is older than this program needs");
  return found;
}

std::string DynamicLibrary::folder() const {
  const link_map* map = nullptr;
  if (dlinfo(handle_, RTLD_DI_LINKMAP, &map) != 0 || map == nullptr) return ".";
  const std::string path = map->l_name;
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

}  // namespace kelvin
