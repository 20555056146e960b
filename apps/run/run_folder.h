// What a run leaves behind: one folder.
//
//   config.toml              the flags; loads back with --config
//   metrics.jsonl            one JSON object a line: kind "step", "epoch" or "diverged"
//   checkpoint.safetensors   weights, optimizer state and position (metadata "kelvin": JSON)
//   checkpoint-0003.safetensors   weights after epoch 3, where --keep-checkpoints asked for them
//   best.safetensors         the weights that did best on the validation split, where there is one (same metadata)
//   lock                     taken by whoever trains here (run_lock.h)
//   search/                  the short trainings of --tau auto, run folders themselves
//   results/NAME.json        what train, evaluate, corrupt, attack, audit, geometry and gradients printed with --json; NAME ends in
//                            what was not usual about it, such as evaluate-n30
//
// Everything is written to a temporary file, fsynced and renamed, except metrics.jsonl, which grows line by line. A folder may come from
// somebody else: no link in it leads to the text of a file elsewhere, or has one written.
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

  [[nodiscard]] std::filesystem::path search() const { return path / "search"; }

  // Makes the folder and its results/; a mistake when it cannot be written.
  void create() const;
  // The first thing in it that a training writes, such as "config.toml"; empty: there is none, and a training may begin here.
  [[nodiscard]] std::string taken_by() const;
  // The first thing in it that no run holds, such as "notes.txt"; empty: there is none. `also`: names that may be there too.
  [[nodiscard]] std::string stranger(std::initializer_list<std::string_view> also) const;
  [[nodiscard]] bool has_lock() const;  // whether a training ever locked it
  // Whether a training has written what it measured of its first steps.
  [[nodiscard]] bool has_begun() const;
  // Takes back what a training that has not begun has written: config.toml, metrics.jsonl, the start's checkpoint, the lock, results/ where
  // it is empty.
  void discard() const;
  void write_result(const std::string& name, const Json& result) const;
  // A mistake where something that a training writes is a link out of the folder.
  void require_own_files() const;
  // A file of this folder; a mistake where it cannot be read, is no regular file or is a link out of the folder.
  [[nodiscard]] std::string read_text(const std::filesystem::path& file) const;

  [[nodiscard]] bool leads_out(const std::filesystem::path& file) const;
};

// What a checkpoint says of itself, so that a run folder is enough to rebuild its model.
struct RunInfo {
  ModelSpec model;
  std::string data;       // --data, its path absolute
  double train_tau = 1;   // the temperature at the end of training
  double head_scale = 1;  // evaluation multiplies prototypes and bias by it (--reparametrize: τ)
  std::uint64_t seed = 0;
  // Training and its validation split lie within the first so many images of the training half; later ones are unseen. 0: not recorded.
  std::int64_t trained_images = 0;
  std::vector<std::string> class_names;    // one a class; empty where the data has none (run/class_order.h)
  std::vector<std::string> class_folders;  // Dataset::class_folders, where those are not the names
};

[[nodiscard]] Json to_json(const RunInfo& info);
[[nodiscard]] bool has_run_info(const SafetensorsFile& file);
// A line about a checkpoint of ours from before there were checksums; else empty.
[[nodiscard]] std::string age_note(const SafetensorsFile& file);
[[nodiscard]] RunInfo run_info_from(
    const SafetensorsFile& checkpoint);  // a mistake when the metadata is absent or damaged

// A model ready for evaluation (prototypes already multiplied by head_scale) and where it came from.
struct TrainedModel {
  std::unique_ptr<Model> model;
  RunInfo info;
};
enum class Which { last, best };  // of a run's checkpoints: where training stands, or what validation chose
// The run's checkpoint file; a mistake that says what is missing.
[[nodiscard]] SafetensorsFile open_checkpoint(const RunFolder& run, Which which = Which::last);
// Builds info.model and loads the file's weights into it.
[[nodiscard]] TrainedModel build_trained_model(const SafetensorsFile& file, const RunInfo& info, Device device);

}  // namespace kelvin
