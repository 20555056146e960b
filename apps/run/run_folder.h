// The files of a run: one folder.
//
//   config.toml              the flags; loads back with --config
//   metrics.jsonl            one JSON object a line: kind "step", "epoch" or "diverged"
//   checkpoint.safetensors   weights, optimizer state and position (metadata "kelvin": JSON)
//   checkpoint-0003.safetensors   weights after epoch 3, with --keep-checkpoints
//   best.safetensors         the weights of the best epoch on the validation split, if there is one (same metadata)
//   lock                     held by the process that trains here (run_lock.h)
//   search/                  the short trainings of --tau auto, run folders themselves
//   results/NAME.json        what train, evaluate, corrupt, attack, audit, geometry and gradients print with --json; NAME ends in the
//                            settings that are not the usual ones, such as evaluate-n30
//
// Every file is written to a temporary file, fsynced and renamed, except metrics.jsonl, which grows line by line. A folder may come from
// another user, so links that lead out of it are neither read nor written through.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/json_text.h"
#include "engine/safetensors.h"
#include "models/model.h"

namespace kelvin {

struct RunFolder {
  std::filesystem::path path;

  [[nodiscard]] std::filesystem::path config() const { return path / "config.toml"; }
  [[nodiscard]] std::filesystem::path metrics() const { return path / "metrics.jsonl"; }
  [[nodiscard]] std::filesystem::path checkpoint() const { return path / "checkpoint.safetensors"; }
  // Weights kept after `epoch` finished epochs.
  [[nodiscard]] std::filesystem::path kept_checkpoint(std::uint32_t epoch) const;
  // The epochs that have one, ascending.
  [[nodiscard]] std::vector<std::uint32_t> kept_epochs() const;
  [[nodiscard]] std::filesystem::path best() const { return path / "best.safetensors"; }
  [[nodiscard]] std::filesystem::path result(const std::string& name) const {
    return path / "results" / (name + ".json");
  }

  // Robustness cards are results for people (apps/card): "card-l2.json", with a page "card-l2.html" beside it.
  [[nodiscard]] static bool is_card(const std::string& file_name);

  [[nodiscard]] std::filesystem::path search() const { return path / "search"; }

  // Makes the folder and its results/. Throws a mistake if it cannot.
  void create() const;
  // The first name in it that training writes, such as "config.toml". Empty if there is none: then a training may begin here.
  [[nodiscard]] std::string taken_by() const;
  // The first name in it that is no file of a run, such as "notes.txt"; empty if there is none. `also`: other names that are allowed.
  [[nodiscard]] std::string stranger(std::initializer_list<std::string_view> also) const;
  [[nodiscard]] bool has_lock() const;  // whether a training has ever locked it
  // Whether a training has written the metrics of its first steps.
  [[nodiscard]] bool has_begun() const;
  // Removes the files of a training that has not begun: config.toml, metrics.jsonl, the first checkpoint, the lock, and results/ if it is
  // empty.
  void discard() const;
  void write_result(const std::string& name, const Json& result) const;
  // Makes results/. Throws a mistake if it cannot, or if a file of that name in it is a link out of the folder.
  void prepare_result(const std::string& file_name) const;
  // Throws a mistake if a file that training writes is a link out of the folder.
  void require_own_files() const;
  // Reads a file of this folder. Throws a mistake if it cannot be read, is no regular file or is a link out of the folder.
  [[nodiscard]] std::string read_text(const std::filesystem::path& file) const;

  [[nodiscard]] bool leads_out(const std::filesystem::path& file) const;
};

// The metadata of a checkpoint: enough to rebuild its model.
struct RunInfo {
  ModelSpec model;
  std::string data;       // --data, its path absolute
  double train_tau = 1;   // the temperature at the end of training
  double head_scale = 1;  // evaluation multiplies prototypes and bias by it (--reparametrize: τ)
  std::uint64_t seed = 0;
  // Training and its validation split use only the first `trained_images` of the training half; the model has not seen later ones.
  // 0: not recorded.
  std::int64_t trained_images = 0;
  std::vector<std::string> class_names;    // one for each class; empty if the data has no names (run/class_order.h)
  std::vector<std::string> class_folders;  // Dataset::class_folders, if they differ from the names
};

[[nodiscard]] Json to_json(const RunInfo& info);
[[nodiscard]] bool has_run_info(const SafetensorsFile& file);
// A line that says that a checkpoint of an earlier version has no checksums; else empty.
[[nodiscard]] std::string age_note(const SafetensorsFile& file);
[[nodiscard]] RunInfo run_info_from(
    const SafetensorsFile& checkpoint);  // throws a mistake if the metadata is absent or damaged

// A model ready for evaluation (prototypes already multiplied by head_scale) and where it came from.
struct TrainedModel {
  std::unique_ptr<Model> model;
  RunInfo info;
};
enum class Which { last, best };  // which checkpoint: of the last epoch, or of the best epoch on the validation split
// Opens the run's checkpoint. Throws a mistake that says what is missing.
[[nodiscard]] SafetensorsFile open_checkpoint(const RunFolder& run, Which which = Which::last);
// Builds info.model and loads the file's weights into it.
[[nodiscard]] TrainedModel build_trained_model(const SafetensorsFile& file, const RunInfo& info, Device device);

}  // namespace kelvin
