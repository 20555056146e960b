#include "apps/cli/common.h"

#include <omp.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>

#include "kernels/device/cuda_device.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

bool parse_double(const std::string& text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

CLI::App* add_command(CLI::App& app, CommonOptions& common, const std::string& name, const std::string& description,
                      const std::string& examples, std::function<void()> run) {
  CLI::App* const command = app.add_subcommand(name, description);
  command->footer("Examples:\n" + examples);
  command->add_option("--device", common.device, "cpu, cuda or auto (cuda where a GPU is usable)")
      ->capture_default_str()
      ->check(CLI::IsMember({"cpu", "cuda", "auto"}));
  command->add_option("--seed", common.seed, "Seed of every random number")->capture_default_str();
  command->add_option("--threads", common.threads, "CPU threads; 0: one a core")
      ->capture_default_str()
      ->check(at_least(0));
  command->add_flag("--tf32", common.tf32, "CUDA: float32 products may use TensorFloat-32 (10-bit factors)");
  command
      ->add_option("--autotune", common.autotune,
                   "CUDA: time several ways to each convolution and product, on or off; compile: also those that "
                   "cuDNN has to compile first, seconds a layer, for attacks that run for hours")
      ->capture_default_str()
      ->check(CLI::IsMember({"on", "off", "compile"}));
  command->add_flag("--fast-nondeterministic", common.fast, "CUDA: also use plans whose sums have no fixed order");
  command->add_flag("--json", common.json, "Standard output is exactly one JSON object")->configurable(false);
  command->add_flag("--quiet", common.quiet, "No progress")->configurable(false);
  command->callback(std::move(run));
  return command;
}

CLI::Validator fraction() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        const std::size_t slash = text.find('/');
        if (slash == std::string::npos) return {};
        double above = 0, below = 0;
        if (!parse_double(text.substr(0, slash), above) || !parse_double(text.substr(slash + 1), below) || below == 0)
          return "'" + text + "' is no number and no fraction such as 8/255";
        char value[40];
        std::snprintf(value, sizeof value, "%.17g", above / below);
        text = value;
        return {};
      },
      "FRACTION", "fraction");
}

CLI::Validator at_least(int least) {
  return CLI::Validator(
      [least](std::string& text) -> std::string {
        double value = 0;
        return parse_double(text, value) && value < least ? str("must be ", least, " or more, got ", text) : "";
      },
      "", "at least");
}

CLI::Validator above_zero() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        double value = 0;
        return parse_double(text, value) && !(value > 0) ? "must be > 0, got " + text : "";
      },
      "", "above zero");
}

Device open_device(const CommonOptions& common) {
  if (common.threads > 0) omp_set_num_threads(common.threads);
  cuda_settings() = {.allow_tf32 = common.tf32,
                     .autotune = common.autotune != "off",
                     .compile = common.autotune == "compile",
                     .deterministic = !common.fast};
  if (common.device == "cpu") return {};
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda != nullptr) return {DeviceKind::cuda, cuda};
  if (common.device == "cuda") throw mistake("--device cuda: ", reason, "; use --device cpu");
  return {};
}

void require_writable(const std::string& flag, const std::string& path) {
  if (path.empty()) return;
  const std::filesystem::path file(path);
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error))
    throw mistake(flag, " ", path, ": there is no folder ", folder.string());
  if (std::filesystem::is_directory(file, error)) throw mistake(flag, " ", path, ": is a folder, not a file");
  if (access(folder.c_str(), W_OK) != 0) throw mistake(flag, " ", path, ": the folder cannot be written to");
}

void print_result(const CommonOptions& common, const std::string& text, const nlohmann::json& json) {
  const std::string out = common.json ? json.dump() + "\n" : text;
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
}

std::string number(double value, int digits) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

std::string of_channels(const std::vector<float>& values) {
  return listed(values, [](float v) { return number(v); });
}

}  // namespace kelvin
