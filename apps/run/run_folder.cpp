#include "apps/run/run_folder.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

#include "apps/run/json_output.h"
#include "apps/run/run_lock.h"
#include "engine/atomic_file.h"
#include "engine/checked_json.h"
#include "engine/checkpoint.h"
#include "engine/input_file.h"
#include "engine/printable.h"
#include "engine/temporary_file.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

constexpr const char* kMetadataKey = "kelvin";
constexpr const char* kKept = "checkpoint-";

// Whether a training writes a file of that name into its folder.
bool is_of_training(const std::string& name) {
  return name == "config.toml" || name == "metrics.jsonl" || name == "best.safetensors" || name == "search" ||
         name == "checkpoint.safetensors" || (name.starts_with(kKept) && name.ends_with(".safetensors"));
}

// The JSON library converts any number to any type, silently even if it does not fit.
template <class Int>
Int whole_number(const std::filesystem::path& path, const Json& json, const char* field) {
  const Json& value = json.at(field);
  const bool fits = value.is_number_unsigned()
                        ? std::in_range<Int>(value.get<std::uint64_t>())
                        : value.is_number_integer() && std::in_range<Int>(value.get<std::int64_t>());
  if (!fits)
    throw mistake(path.string(), ": damaged metadata: ", field, " is ", value.is_number() ? value.dump() : "no number",
                  ", expected a whole number within the range that kelvin writes");
  return value.get<Int>();
}

}  // namespace

std::filesystem::path RunFolder::kept_checkpoint(std::uint32_t epoch) const {
  char name[48];
  std::snprintf(name, sizeof name, "%s%04u.safetensors", kKept, epoch);
  return path / name;
}

std::vector<std::uint32_t> RunFolder::kept_epochs() const {
  std::vector<std::uint32_t> epochs;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path, ignored)) {
    const std::string name = entry.path().filename().string();
    std::uint32_t epoch = 0;
    const char* const digits = name.data() + std::string(kKept).size();
    if (name.starts_with(kKept) && std::from_chars(digits, name.data() + name.size(), epoch).ec == std::errc() &&
        kept_checkpoint(epoch).filename() == name)
      epochs.push_back(epoch);
  }
  std::sort(epochs.begin(), epochs.end());
  return epochs;
}

void RunFolder::create() const {
  if (!is_writer()) return;
  std::error_code error;
  std::filesystem::create_directories(path / "results", error);
  if (error)
    throw mistake(path.string(), ": cannot make the run folder: ", error.message(), "; choose another ", "out"_field);
}

bool RunFolder::has_lock() const { return is_there(path / kRunLock); }

bool RunFolder::has_begun() const {
  std::error_code error;
  const auto size = std::filesystem::file_size(metrics(), error);
  return !error && size > 0;
}

void RunFolder::discard() const {
  if (!processes().is_first()) return;
  std::error_code ignored;
  for (const std::filesystem::path& file : {config(), metrics(), checkpoint(), path / kRunLock})
    std::filesystem::remove(file, ignored);
  for (const std::uint32_t epoch : kept_epochs()) std::filesystem::remove(kept_checkpoint(epoch), ignored);
  std::filesystem::remove(path / "results", ignored);  // fails where it holds something
}

std::string RunFolder::taken_by() const {
  std::string first;
  const auto consider = [&first](const std::string& name) {
    if (first.empty() || name < first) first = name;
  };
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path, ignored))
    if (const std::string name = entry.path().filename().string(); is_of_training(name)) consider(name);
  for (const auto& entry : std::filesystem::directory_iterator(path / "results", ignored))
    if (entry.path().extension() == ".json") consider("results/" + entry.path().filename().string());
  return first;
}

std::string RunFolder::stranger(std::initializer_list<std::string_view> also) const {
  const auto is_known = [&also](const std::string& name) {
    return is_of_training(name) || name == kRunLock || name == "results" || is_temporary_name(name) ||
           std::find(also.begin(), also.end(), name) != also.end();
  };
  for (const std::string& name : names_in(path))
    if (!is_known(name)) return name;
  if (is_there(path / "results"))
    for (const std::string& name : names_in(path / "results"))
      if (!name.ends_with(".json") && !is_card(name) && !is_temporary_name(name)) return "results/" + name;
  return {};
}

bool RunFolder::leads_out(const std::filesystem::path& file) const {
  std::error_code error;
  const std::filesystem::path root = std::filesystem::canonical(path, error),
                              end = std::filesystem::weakly_canonical(file, error);
  // A path that is still a link after that points to nothing.
  if (error || std::filesystem::is_symlink(std::filesystem::symlink_status(end, error))) return true;
  return std::mismatch(root.begin(), root.end(), end.begin(), end.end()).first != root.end();
}

void RunFolder::require_own_files() const {
  std::error_code ignored;
  for (auto entry = std::filesystem::recursive_directory_iterator(path, ignored);
       entry != std::filesystem::recursive_directory_iterator(); entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    if (entry.depth() == 0 && name != "results" && !is_of_training(name))
      entry.disable_recursion_pending();
    else if (entry->is_symlink(ignored) && leads_out(entry->path()))
      throw mistake(printable(entry->path().string()), ": is a link out of the run folder; remove it");
  }
}

std::string RunFolder::read_text(const std::filesystem::path& file) const {
  const std::string name = printable(file.string());
  if (leads_out(file))
    throw mistake(printable(file.string()), ": is a link out of the run folder, which is not followed");
  return kelvin::read_text(file);
}

bool RunFolder::is_card(const std::string& file_name) {
  return file_name.starts_with("card") && (file_name.ends_with(".json") || file_name.ends_with(".html"));
}

void RunFolder::prepare_result(const std::string& file_name) const {
  std::error_code error;
  std::filesystem::create_directories(path / "results", error);
  if (error) throw mistake(printable((path / "results").string()), ": cannot be made: ", error.message());
  if (const std::filesystem::path file = path / "results" / file_name; leads_out(file))
    throw mistake(printable(file.string()), ": is a link out of the run folder; remove it");
}

void RunFolder::write_result(const std::string& name, const Json& json) const {
  prepare_result(name + ".json");
  const std::string text = checked_json_text(Json::parse(to_text(json)));
  write_file_atomically(result(name), std::as_bytes(std::span(text)));
}

Json to_json(const RunInfo& info) {
  const ModelSpec& m = info.model;
  Json json = {{"model", m.name},
               {"classes", m.classes},
               {"channels", m.channels},
               {"height", m.height},
               {"width", m.width},
               {"mean", m.mean},
               {"std", m.std},
               {"precision", name_of(m.precision)},
               {"stem", m.stem},
               {"classifier", m.classifier},
               {"cosine_scale", m.cosine_scale},
               {"image_size", m.image_size},
               {"dropout", m.dropout},
               {"drop_path", m.drop_path},
               {"checkpoint_activations", m.checkpoint_activations},
               {"data", escape_bytes(info.data)},
               {"train_tau", info.train_tau},
               {"head_scale", info.head_scale},
               {"seed", info.seed},
               {"trained_images", info.trained_images},
               {"class_names", info.class_names}};
  if (!info.class_folders.empty() && info.class_folders != info.class_names) json["class_folders"] = info.class_folders;
  return json;
}

// Values that no training can have written are refused before memory of that size is allocated.
void require_possible(const std::filesystem::path& path, const RunInfo& info) {
  const auto require = [&path](bool is_possible, const char* field, const auto& got, const char* expected) {
    if (!is_possible) throw mistake(path.string(), ": damaged metadata: ", field, " is ", got, ", expected ", expected);
  };
  constexpr int kMostPixels = 65536, kMostClasses = 1'000'000;
  const ModelSpec& m = info.model;
  for (const auto& [field, side] : {std::pair("height", m.height), {"width", m.width}})
    require(side >= 1 && side <= kMostPixels, field, side, "1 to 65536");
  require(m.image_size >= 0 && m.image_size <= kMostPixels, "image_size", m.image_size, "0 to 65536");
  require(m.channels == 1 || m.channels == 3, "channels", m.channels, "1 or 3");
  require(m.classes >= 1 && m.classes <= kMostClasses, "classes", m.classes, "1 to 1000000");
  for (const auto& [field, values] : {std::pair("mean", &m.mean), {"std", &m.std}})
    require(values->empty() || std::ssize(*values) == m.channels, field, str(values->size(), " numbers"),
            "one a channel");
  for (const float value : m.mean) require(std::isfinite(value), "mean", value, "finite numbers");
  for (const float value : m.std) require(std::isfinite(value) && value > 0, "std", value, "numbers above 0");
  for (const auto& [field, rate] : {std::pair("dropout", m.dropout), {"drop_path", m.drop_path}})
    require(rate >= 0 && rate < 1, field, rate, "0 to below 1");
  for (const auto& [field, value] : {std::pair("train_tau", info.train_tau), {"head_scale", info.head_scale}})
    require(std::isfinite(value) && value > 0, field, value, "a number above 0");
}

bool has_run_info(const SafetensorsFile& file) { return file.metadata.contains(kMetadataKey); }

std::string age_note(const SafetensorsFile& file) {
  if (!has_run_info(file) || file.has_checksums) return {};
  return file.path.string() + ": written by an older version, without checksums; damage in it would not be noticed";
}

RunInfo run_info_from(const SafetensorsFile& checkpoint) {
  const auto found = checkpoint.metadata.find(kMetadataKey);
  if (found == checkpoint.metadata.end())
    throw mistake(checkpoint.path.string(), ": holds weights but not how they were trained; pass ", "weights"_field,
                  " with ", "model"_field);
  try {
    const Json j = parse_json(checkpoint.path, found->second);
    const auto whole = [&](const char* field) { return whole_number<int>(checkpoint.path, j, field); };
    RunInfo info;
    info.model = {.name = j.at("model"),
                  .classes = whole("classes"),
                  .channels = whole("channels"),
                  .height = whole("height"),
                  .width = whole("width"),
                  .mean = j.at("mean"),
                  .std = j.at("std"),
                  .precision = j.at("precision") == name_of(DType::bf16) ? DType::bf16 : DType::f32,
                  .stem = j.value("stem", "auto"),
                  .classifier = j.value("classifier", "linear"),
                  .cosine_scale = j.value("cosine_scale", 15.0),
                  .image_size = j.contains("image_size") ? whole("image_size") : 0,
                  .dropout = j.value("dropout", 0.0f),
                  .drop_path = j.value("drop_path", 0.0f),
                  .checkpoint_activations = j.value("checkpoint_activations", false)};
    info.data = unescape_bytes(j.at("data").get<std::string>());
    info.train_tau = j.at("train_tau");
    info.head_scale = j.at("head_scale");
    info.seed = whole_number<std::uint64_t>(checkpoint.path, j, "seed");
    if (j.contains("trained_images"))
      info.trained_images = whole_number<std::int64_t>(checkpoint.path, j, "trained_images");
    info.class_names = j.at("class_names");
    info.class_folders = j.value("class_folders", std::vector<std::string>());
    for (const std::vector<std::string>* names : {&info.class_names, &info.class_folders})
      if (!names->empty() && std::ssize(*names) != info.model.classes)
        throw mistake(checkpoint.path.string(), ": damaged metadata: ", names->size(), " class names for ",
                      info.model.classes, " classes");
    require_possible(checkpoint.path, info);
    return info;
  } catch (const Json::exception&) {  // a field that is missing or of another type
    throw mistake(checkpoint.path.string(),
                  ": damaged metadata: a field of \"kelvin\" is missing or of another type than kelvin writes");
  }
}

SafetensorsFile open_checkpoint(const RunFolder& run, Which which) {
  if (!is_there(run.path)) throw mistake(run.path.string(), ": no such run folder");
  if (!is_folder(run.path))
    throw mistake(run.path.string(), ": is a file, not a run folder; give the folder, or ", "weights"_field,
                  " FILE with ", "model"_field, " and ", "data"_field);
  if (!is_there(run.checkpoint()))
    throw mistake(run.path.string(), ": holds no checkpoint.safetensors; is it a folder that `kelvin train ",
                  "out"_field, "` wrote?");
  if (which == Which::last) return read_safetensors(run.checkpoint());
  if (!is_there(run.best()))
    throw mistake(run.path.string(), ": holds no best.safetensors; it was trained without ", "validation"_field,
                  " N, or with ", "select-by"_field, " none; use ", "checkpoint"_field, " last");
  return read_safetensors(run.best());
}

TrainedModel build_trained_model(const SafetensorsFile& file, const RunInfo& info, Device device) {
  TrainedModel trained{make_model(info.model, device, info.seed), info};
  const Parameters& parameters = trained.model->parameters();
  load_parameters(file, parameters);
  parameters.require_finite(file.path.string());
  for (const Parameter* head : {&trained.model->prototypes(), &trained.model->prototype_bias()})
    on(device, [&](const auto& dev) { scale(dev, head->value.view<float>(), static_cast<float>(info.head_scale)); });
  return trained;
}

}  // namespace kelvin
