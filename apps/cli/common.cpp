#include "apps/cli/common.h"

#include <omp.h>
#include <unistd.h>

#include <cctype>
#include <charconv>
#include <cstdio>

#include "apps/experiment/measure.h"
#include "engine/checkpoint.h"
#include "engine/weight_average.h"
#include "kernels/device/cuda_device.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

bool parse_double(const std::string& text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

constexpr std::size_t kLongestText = 60;  // of file_name_text: several make one file name of at most 255 bytes

// `own`: what the run says of itself.
std::string variant_of(const TargetOptions& o, const RunInfo& own, std::int64_t images, bool is_whole_set) {
  std::string text;
  const bool is_usual = is_whole_set ? o.usual_limit == 0 || images <= o.usual_limit : images == o.usual_limit;
  if (!is_usual) text += str("-n", images);
  if (!o.data.empty() && o.data != own.data) text += "-on-" + file_name_text(o.data);
  const DType precision = o.precision == "bf16" ? DType::bf16 : DType::f32;
  if (!o.precision.empty() && precision != own.model.precision) text += "-" + o.precision;
  if (o.weights_from == "ema") text += "-ema";
  return text;
}

// What a quickstart or a sweep measured is theirs to read again (it holds "settings", and one flag an image). The same images: a new
// result keeps both. Others: it gets a name of its own, and what is returned is added to it.
std::string spare_what_is_measured(const RunFolder& folder, const std::string& name, Json& result) {
  const Json kept = read_result(folder, name);
  if (!kept.is_object() || !kept.contains("settings")) return "";
  const std::int64_t images = result.value("n", std::int64_t{0});
  if (kept.value("n", std::int64_t{0}) == images) {
    for (const char* key : {"settings", "correct"})
      if (kept.contains(key)) result[key] = kept[key];
    return "";
  }
  const std::string end = str("n", images), variant = result.value("variant", std::string());
  result["variant"] = variant.empty() ? end : variant + "-" + end;
  if (result.contains("label")) result["label"] = result["label"].get<std::string>() + "-" + end;
  return "-" + end;
}

}  // namespace

CLI::App* add_command(CLI::App& app, CommonOptions& common, const std::string& name, const std::string& description,
                      const std::string& examples, std::function<void()> run) {
  CLI::App* const command = app.add_subcommand(name, description);
  command->footer("Examples:\n" + examples);
  command->add_option("--device", common.device, "cpu, cuda or auto (cuda where a GPU is usable)")
      ->capture_default_str();
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
  if (common.device != "cpu" && common.device != "cuda" && common.device != "auto")
    throw mistake("--device ", common.device, " is unknown; known: cpu, cuda, auto");
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

void add_target_options(CLI::App& command, TargetOptions& t) {
  command.add_option("run", t.run, "Run folder of `kelvin train`");
  command
      .add_option("--checkpoint", t.checkpoint,
                  "Of the run folder: last, or best by its validation split (train --validation)")
      ->capture_default_str()
      ->check(CLI::IsMember({"last", "best"}));
  command.add_option("--weights", t.weights, "A safetensors file instead of a run folder; needs --model and --data");
  command.add_option("--model", t.model, "Model of --weights");
  command.add_option("--data", t.data, "Data set, NAME or NAME:PATH; default: the run's");
  command.add_option("--limit,--test-limit", t.limit, "The first N images only")->check(at_least(0));
  command.add_option("--batch-size", t.batch_size, "Images at a time")->capture_default_str()->check(at_least(1));
  command.add_option("--precision", t.precision, "f32 or bf16; default: the run's")
      ->check(CLI::IsMember({"f32", "bf16"}));
  command.add_option("--weights-from", t.weights_from, "last, or ema: the averaged weights of a run with --ema")
      ->check(CLI::IsMember({"last", "ema"}))
      ->capture_default_str();
}

void Target::save(const std::string& name, const std::string& settings, const nlohmann::json& result) const {
  nlohmann::json json = result;
  json["variant"] = (settings + variant).substr(settings.empty() && variant.empty() ? 0 : 1);
  save_as(name + settings + variant, std::move(json));
}

void Target::save_as(const std::string& name, nlohmann::json result) const {
  if (folder.path.empty()) return;
  result["data"] = trained.info.data;
  result["precision"] = name_of(trained.info.model.precision);
  if (which == Which::best) result["checkpoint"] = "best";
  const std::string stem = which == Which::best ? name + "-best" : name;
  const std::string file = stem + spare_what_is_measured(folder, stem, result);
  folder.write_result(file, result);
  if (!quiet) std::fprintf(stderr, "Saved: %s\n", folder.result(file).c_str());
}

std::string file_name_text(const std::string& text) {
  std::string out;
  std::uint32_t hash = 2166136261;  // FNV-1a
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += std::isalnum(byte) != 0 || std::string_view(".,+=_").find(c) != std::string_view::npos ? c : '-';
    hash = (hash ^ byte) * 16777619;
  }
  if (out.size() <= kLongestText) return out;
  char end[16];
  std::snprintf(end, sizeof end, "-%08x", hash);
  return out.substr(0, kLongestText) + end;
}

SafetensorsFile require_average(SafetensorsFile file) {
  if (!has_average(file))
    throw mistake(file.path.string(),
                  ": holds no averaged weights; it was not trained with --ema (--weights-from last)");
  return average_of(std::move(file));
}

Target open_target(const TargetOptions& o, const CommonOptions& common) {
  const Device device = open_device(common);
  Target target;
  target.quiet = common.quiet;
  if (o.run.empty() == o.weights.empty())
    throw mistake("give a run folder, or --weights FILE with --data and, unless the file names its own, --model");
  if (!o.run.empty() && !o.model.empty()) throw mistake("--model needs --weights; ", o.run, " names its own model");
  RunInfo info;
  SafetensorsFile file;
  if (!o.run.empty()) {
    target.folder = {o.run};
    target.which = o.checkpoint == "best" ? Which::best : Which::last;
    file = open_checkpoint(target.folder, target.which);
    info = run_info_from(file);
  } else {
    if (o.checkpoint != "last") throw mistake("--checkpoint best needs a run folder, not --weights");
    file = read_safetensors(o.weights);
    if (has_run_info(file)) info = run_info_from(file);
    if (o.model.empty() && !has_run_info(file)) throw mistake("--weights needs --model: ", o.weights, " names none");
    if (o.data.empty() && info.data.empty()) throw mistake("--weights needs --data");
    if (has_run_info(file) && !o.model.empty() && o.model != info.model.name)
      throw mistake("--model ", o.model, ": ", o.weights, " holds a ", info.model.name);
  }
  const std::string data = o.data.empty() ? info.data : o.data;
  const bool on_train = o.split == "train";
  const std::int64_t one_more = o.limit == 0 ? 0 : o.limit + 1;  // tells whether the limit leaves images out
  target.data = load_dataset(data, {.train = on_train ? Half::required : Half::skip,
                                    .test = on_train ? Half::skip : Half::required,
                                    .train_limit = one_more,
                                    .test_limit = one_more,
                                    .seed = info.seed});
  if (on_train) target.data.test = std::move(target.data.train);
  const bool is_whole_set = o.limit == 0 || target.data.test.count <= o.limit;
  if (!is_whole_set) target.data.test = target.data.test.first(o.limit);
  const ImageSet& test = target.data.test;
  if (o.run.empty() && has_run_info(file) && info.data.empty()) {  // imported: no data set's sizes are its own
    if (info.model.image_size == 0) info.model.image_size = info.model.height;
    info.model.height = static_cast<int>(test.height);
    info.model.width = static_cast<int>(test.width);
  }
  if (has_run_info(file) && (test.height != info.model.height || test.width != info.model.width ||
                             test.channels != info.model.channels || target.data.classes > info.model.classes))
    throw mistake(file.path.string(), ": its model takes ", info.model.height, "x", info.model.width, "x",
                  info.model.channels, " images of ", info.model.classes, " classes; ", data, " has ", test.height, "x",
                  test.width, "x", test.channels, " of ", target.data.classes);
  target.variant = variant_of(o, info, test.count, is_whole_set);
  if (!has_run_info(file))
    info.model = {.name = o.model,
                  .classes = target.data.classes,
                  .channels = static_cast<int>(test.channels),
                  .height = static_cast<int>(test.height),
                  .width = static_cast<int>(test.width),
                  .mean = target.data.mean,
                  .std = target.data.std};
  if (o.weights_from == "ema") file = require_average(std::move(file));
  if (!o.precision.empty()) info.model.precision = o.precision == "bf16" ? DType::bf16 : DType::f32;
  require_precision(info.model.precision, device);
  info.data = data;
  target.trained = build_trained_model(file, info, device);
  return target;
}

}  // namespace kelvin
