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
  command.add_option("--limit,--test-limit", t.limit, "The first N images only")->check(no_less_than(0));
  command.add_option("--batch-size", t.batch_size, "Images at a time")->capture_default_str()->check(no_less_than(1));
  command.add_option("--precision", t.precision, "f32 or bf16; default: the run's")
      ->check(CLI::IsMember({"f32", "bf16"}));
  add_normalisation_flags(command, t.normalisation);
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

}  // namespace kelvin
