// The rules of this repository that can be checked in the source files, for any folder with the same layout.
//
//   - #include arrows: kernels <- engine <- models, data <- apps; tests see everything; paths start at the root
//   - inside kernels/ and apps/ folders include each other in one direction only (`architecture_map`)
//   - CUDA, cuDNN, cuBLAS, NCCL and oneDNN headers are included only inside kernels/
//   - #if only in kernels/device/device.h (which devices are built) and kernels/libraries/onednn/ (oneDNN's version)
//   - other programs are started by engine/child_process.cpp alone, and shells never (tests may)
//   - files are opened by engine/input_file and engine/atomic_file, and by the few that keep locks, logs and the like (tests may)
//   - headers begin their code with #pragma once
//   - a source file has at most 300 lines; of tests and tools 400
//   - every folder that holds source files or scripts, and the root, has a README.md
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace kelvin {

// Every broken rule as "path:line: what", paths relative to root, in the order of the paths. Throws if root has none of the top-level folders, so
// that an empty result means that files were checked.
[[nodiscard]] std::vector<std::string> architecture_violations(const std::filesystem::path& root);

// The folders of kernels/ and apps/, a line each, with those that each may include.
[[nodiscard]] std::string architecture_map();

}  // namespace kelvin
