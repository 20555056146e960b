#include "apps/cli/target.h"

#include <cctype>
#include <cstdio>

#include "apps/cli/notes.h"
#include "apps/cli/standard_streams.h"
#include "apps/experiment/measure.h"
#include "engine/weight_average.h"

namespace kelvin {
namespace {

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
  if (!quiet) print_note("Saved: " + folder.result(file).string());
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
  add_note(age_note(file));
  const std::string data = o.data.empty() ? info.data : o.data;
  const bool on_train = o.split == "train";
  const std::int64_t one_more = o.limit == 0 ? 0 : o.limit + 1;  // tells whether the limit leaves images out
  target.data = load_dataset(data, {.train = on_train ? Half::required : Half::skip,
                                    .test = on_train ? Half::skip : Half::required,
                                    .train_limit = one_more,
                                    .test_limit = one_more,
                                    .seed = info.seed});
  add_notes(target.data.notes);
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
