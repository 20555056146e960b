// What the subcommands share: global flags, fractions as numbers, devices, and where results go.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "apps/evaluation/percent.h"
#include "apps/run/fields.h"
#include "apps/run/run_folder.h"
#include "kernels/device/device.h"

namespace kelvin {

// Flags of every subcommand.
struct CommonOptions {
  std::string device = "auto";
  std::uint64_t seed = 0;
  int threads = 0;    // 0: as many as the machine has cores
  bool tf32 = false;  // the next three: CudaSettings (kernels/libraries/cuda_device.h)
  std::string autotune = "on";
  bool fast = false;
  bool json = false;
  bool quiet = false;
};

[[nodiscard]] Fields common_fields(CommonOptions& options);

// Applies --threads and --device; a mistake for a device that is not there. `auto` says in a note why it took the CPU, but on machines where
// nobody expects a GPU.
[[nodiscard]] Device open_device(const CommonOptions& common);
[[nodiscard]] std::string device_name(const Device& device);  // "NVIDIA H100 80GB HBM3", "the CPU"

// Adds "device_notes" to a result: what the kernels had to say (kernels/device/notes.h), if there is any.
void add_device_notes(nlohmann::json& json);

// A mistake that names `flag` where a file cannot be written there: said before the work, not after it.
void require_writable(const std::string& flag, const std::string& path);

// Prints `text` to standard output, or with --json the one JSON object. The object's "notes" follow the text, a line each.
void print_result(const CommonOptions& common, const std::string& text, const nlohmann::json& json);

// The same after `keep`, which saves the result: a reader of standard output that goes away loses nothing. What cannot be kept is
// printed all the same, before the mistake.
void keep_and_print(const CommonOptions& common, const std::string& text, const nlohmann::json& json,
                    const std::function<void()>& keep);

// Up to `digits` significant digits
[[nodiscard]] std::string number(double value, int digits = 4);
[[nodiscard]] std::string channels_text(const std::vector<float>& values);  // "0.485, 0.456, 0.406"

}  // namespace kelvin
