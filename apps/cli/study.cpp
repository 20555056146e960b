#include "apps/cli/study.h"

#include "apps/cli/progress.h"
#include "apps/cli/subcommand.h"

namespace kelvin {

void add_study_options(CLI::App& command, StudyOptions& o) {
  add_target_options(command, o.target);
  add_fields(
      command,
      basic(group(
          "Model and data",
          {field("split", o.target.split, {"test", "train"},
                 message("test, or train: the images to look at; ", "limit"_field, " counts them")),
           field("across-training", o.across_training,
                 message("Every checkpoint that `train ", "keep-checkpoints"_field, "` left, not only the last"))})));
}

void run_study(const StudyOptions& o, const CommonOptions& common, const std::string& name, const std::string& settings,
               const std::function<nlohmann::json(const Target&, Model&, const RunInfo&)>& measure,
               const std::function<std::string(const nlohmann::json&)>& text_of) {
  if (o.across_training && (o.target.checkpoint != "last" || o.target.weights_from != "last"))
    throw mistake("--across-training reads the kept checkpoints; leave --checkpoint and --weights-from out");
  const Target target = open_target(o.target, common);
  const std::string stem = name + (o.target.split == "train" ? "-train" : "");
  if (!o.across_training) {
    Json json = measure(target, *target.trained.model, target.trained.info);
    json["split"] = o.target.split;
    json["notes"] = target.notes;
    keep_and_print(common, text_of(json), json, [&] { target.save(stem, settings, json); });
    return;
  }
  if (target.folder.path.empty()) throw mistake("--across-training needs a run folder, not --weights");
  const std::vector<std::uint32_t> epochs = target.folder.kept_epochs();
  if (epochs.empty())
    throw mistake(
        target.folder.path.string(),
        ": holds no checkpoint-EPOCH.safetensors; train with --keep-checkpoints all, or --keep-checkpoints 1,5,10");
  const Device device = target.trained.model->parameters().values().device();
  Json json = {{"checkpoints", Json::array()},
               {"train_tau", target.trained.info.train_tau},
               {"split", o.target.split},
               {"notes", target.notes}};
  Progress progress(name, "checkpoints", common.quiet);
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    progress.update(static_cast<std::int64_t>(i), static_cast<std::int64_t>(epochs.size()), str("epoch ", epochs[i]));
    const SafetensorsFile file = read_safetensors(target.folder.kept_checkpoint(epochs[i]));
    RunInfo info = run_info_from(file);
    info.model.precision = target.trained.info.model.precision;
    const TrainedModel trained = build_trained_model(file, info, device);
    Json one = measure(target, *trained.model, trained.info);
    one["epoch"] = epochs[i];
    json["checkpoints"].push_back(one);
  }
  progress.finish();
  keep_and_print(common, text_of(json), json, [&] { target.save(stem + "-across-training", settings, json); });
}

}  // namespace kelvin
