#include "apps/cli/target.h"

#include <cctype>
#include <cstdio>

#include "apps/cli/notes.h"
#include "apps/cli/standard_streams.h"
#include "apps/cli/subcommand.h"
#include "apps/experiment/measure.h"
#include "apps/run/precisions.h"
#include "engine/weight_average.h"

namespace kelvin {
namespace {

constexpr std::size_t kLongestText = 60;  // of file_name_text: several make one file name of at most 255 bytes

// A quickstart or a sweep reads its results again (they hold "settings" and one flag for each image). If a new result is about the same images,
// it keeps both. Otherwise it gets another name: the returned suffix is added to it.
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

Field weights_from_field(std::string& weights_from) {
  return field("weights-from", weights_from, {"last", "ema"},
               message("last, or ema: the averaged weights of a run trained with ", "ema"_field));
}

Fields target_fields(TargetOptions& t) {
  return joined(
      {group(
           "Model and data",
           {basic(field(
                "checkpoint", t.checkpoint, {"last", "best"},
                message("Of the run folder: last, or best by its validation split (train ", "validation"_field, ")"))),
            basic(field("data", t.data, "Data set, NAME or NAME:PATH, also imagenet:DIR; default: the run's")),
            basic(also(field("limit", t.limit, at_least(0), "The first N images only"), "test-limit")),
            field("weights", t.weights, message("A safetensors or .pt file instead of a run; needs ", "data"_field)),
            field("model", t.model, message("Model of ", "weights"_field, "; default: as the file or its tensors say")),
            weights_from_field(t.weights_from),
            field("precision", t.precision, precisions(), "f32 or bf16; default: the run's"),
            field("batch-size", t.batch_size, at_least(1), "Images at a time")}),
       group("Model and data", normalisation_fields(t.normalisation)),
       group("Model and data", preparation_fields(t.preparation))});
}

void add_target_options(CLI::App& command, TargetOptions& t) {
  add_word(command, "run", t.run, "Run folder of `kelvin train`", false);
  add_fields(command, target_fields(t));
}

void Target::save(const std::string& name, const std::string& settings, const nlohmann::json& result) const {
  nlohmann::json json = result;
  json["variant"] = (settings + variant).substr(settings.empty() && variant.empty() ? 0 : 1);
  save_as(name + settings + variant, std::move(json));
}

std::string Target::result_name(const std::string& name, const std::string& settings) const {
  return name + settings + variant + (which == Which::best ? "-best" : "");
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

}  // namespace kelvin
