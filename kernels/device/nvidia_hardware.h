// What Linux itself knows of NVIDIA's hardware and driver, for machines where CUDA does not answer: whether a GPU that cannot be used is worth a word.
#pragma once

#include <filesystem>

namespace kelvin {

// Whether there is a display or compute controller of NVIDIA's among the PCI devices.
[[nodiscard]] bool has_nvidia_gpu(const std::filesystem::path& pci_devices = "/sys/bus/pci/devices");

}  // namespace kelvin
