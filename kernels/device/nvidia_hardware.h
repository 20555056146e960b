// What Linux itself reports about NVIDIA hardware, for machines where CUDA does not work: is there a GPU that the user may expect to be used?
#pragma once

#include <filesystem>

namespace kelvin {

// Whether a PCI device is a display or compute controller by NVIDIA.
[[nodiscard]] bool has_nvidia_gpu(const std::filesystem::path& pci_devices = "/sys/bus/pci/devices");

}  // namespace kelvin
