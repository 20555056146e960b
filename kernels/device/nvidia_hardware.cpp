#include "kernels/device/nvidia_hardware.h"

#include <fstream>
#include <string>

namespace kelvin {
namespace {

std::string word_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string word;
  in >> word;
  return word;
}

}  // namespace

bool has_nvidia_gpu(const std::filesystem::path& pci_devices) {
  std::error_code error;
  for (std::filesystem::directory_iterator device(pci_devices, error), end; !error && device != end;
       device.increment(error))
    if (word_in(device->path() / "vendor") == "0x10de" && word_in(device->path() / "class").starts_with("0x03"))
      return true;
  return false;
}

}  // namespace kelvin
