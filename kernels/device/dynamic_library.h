// A shared library that is loaded when it is first needed: NVIDIA's libraries take 200 MB and a tenth of a second to load, and a
// machine without a GPU does not have them.
#pragma once

#include <string>
#include <vector>

namespace kelvin {

class DynamicLibrary {
 public:
  // Tries the names in turn: first without a folder (rpath, LD_LIBRARY_PATH, system), then in each of the folders. Throws a mistake that names the
  // library, every attempt with its result, and what to do.
  DynamicLibrary(const std::string& what, const std::vector<std::string>& names,
                 const std::vector<std::string>& folders = {});

  // The address of a function, which becomes the type of what it initialises: `double (*cube_root)(double) = library["cbrt"];`. Throws when the
  // library has none of that name.
  struct Function {
    void* address;
    template <class F>
    operator F*() const {  // NOLINT(google-explicit-constructor)
      return reinterpret_cast<F*>(address);
    }
  };
  [[nodiscard]] Function operator[](const char* symbol) const { return {find(symbol)}; }

  // The folder of its file.
  [[nodiscard]] std::string folder() const;

 private:
  [[nodiscard]] void* find(const char* symbol) const;
  std::string what_;
  void* handle_ = nullptr;  // never closed: its threads and contexts live as long as the process
};

}  // namespace kelvin
