// What the subcommands share: global flags, devices, numbers as text, and the output of results.
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
  int threads = 0;    // 0: one for each core of the machine
  bool tf32 = false;  // the next three: CudaSettings (kernels/libraries/cuda_device.h)
  std::string autotune = "on";
  bool fast = false;
  double hang_after = 60;  // seconds: Processes::set_hang_after
  bool json = false;
  bool quiet = false;
};

[[nodiscard]] Fields common_fields(CommonOptions& options);

// --threads, or what the environment says, or this process's share of the cores among the ranks of its machine.
[[nodiscard]] int threads_of(const CommonOptions& common);

// Applies --threads and --device. Throws a mistake for a device that is not available. `auto` adds a note that says why the CPU was chosen, except
// on machines where no GPU is expected.
[[nodiscard]] Device open_device(const CommonOptions& common);
[[nodiscard]] std::string device_name(const Device& device);  // "NVIDIA H100 80GB HBM3", "the CPU"

// Adds "device_notes" to a result: the notes of the kernels (kernels/device/notes.h), if there are any.
void add_device_notes(nlohmann::json& json);

// Throws a mistake that names `flag` if a file cannot be written to `path`. Called before the work, so that no work is lost.
void require_writable(const std::string& flag, const std::string& path);

// Prints `text`, folded to the terminal's width, to standard output, or the JSON object with --json. The object's "notes" follow the text, one per line.
void print_result(const CommonOptions& common, const std::string& text, const nlohmann::json& json);

// The same after `keep`, which saves the result, so that it is not lost if standard output is closed. If `keep` fails, the result is printed
// before the mistake is thrown.
void keep_and_print(const CommonOptions& common, const std::string& text, const nlohmann::json& json,
                    const std::function<void()>& keep);

// A number with up to `digits` significant digits.
[[nodiscard]] std::string number(double value, int digits = 4);
[[nodiscard]] std::string channels_text(const std::vector<float>& values);  // "0.485, 0.456, 0.406"

}  // namespace kelvin
