// kelvin weights inspect | import | export; weights_fetch.cpp: fetch
#include "models/weights.h"

#include "apps/cli/commands.h"
#include "apps/cli/notes.h"
#include "apps/cli/subcommand.h"
#include "apps/cli/target.h"
#include "apps/report/text_table.h"
#include "apps/run/foreign_weights.h"
#include "apps/run/json_output.h"
#include "apps/training/initial_weights.h"
#include "engine/checkpoint.h"
#include "engine/input_file.h"
#include "engine/tensor_file.h"
#include "engine/weight_file.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

struct WeightsFlags {
  std::string file, out, model, stem = "auto", dtype = "float32", weights_from = "last";
  NormalisationFlags normalisation;
  int classes = 0, size = 0, channels = 0;
  bool allow_partial = false;
};

void inspect(const WeightsFlags& f, const CommonOptions& common) {
  const SafetensorsFile file = read_weight_file(f.file);
  TextTable table({"name", "type", "shape", "bytes"});
  Json rows = Json::array();
  std::size_t total = 0;
  for (const auto& [name, entry] : file.tensors) {
    const std::uint64_t bytes = byte_count(entry);
    table.add({name, entry.dtype, shape_text(entry.shape), str(bytes)});
    rows.push_back({{"name", name}, {"dtype", entry.dtype}, {"shape", entry.shape}, {"bytes", bytes}});
    total += bytes;
  }
  print_result(common, str(table.str(), file.tensors.size(), " tensors, ", total, " bytes\n"),
               {{"tensors", rows}, {"bytes", total}, {"metadata", file.metadata}});
}

// A Kelvin checkpoint has complete metadata, which is kept except for what the flags change.
RunInfo own_info(const WeightsFlags& f, const SafetensorsFile& file) {
  RunInfo info = run_info_from(file);
  ModelSpec& m = info.model;
  if (m.name != f.model) throw mistake("--model ", f.model, ": ", f.file, " holds ", with_article(m.name));
  if (f.classes > 0 && f.classes != m.classes) {
    m.classes = f.classes;
    info.class_names = info.class_folders = {};
  }
  if (f.size == 0) return info;
  m.height = m.width = f.size;
  m.image_size = 0;
  info.data.clear();  // the weights are not bound to the sizes of a data set
  return info;
}

RunInfo raw_info(const WeightsFlags& f, const SafetensorsFile& file, const CommonOptions& common) {
  RunInfo info;
  info.model.name = f.model;
  info.model.classes = f.classes > 0 ? f.classes : head_classes(file);
  info.model.channels = f.channels > 0 ? f.channels : 3;
  const bool takes_224 = f.model.ends_with("224") || f.stem == "imagenet";
  info.model.height = info.model.width = f.size > 0 ? f.size : takes_224 ? 224 : 32;
  info.model.stem = f.stem;
  info.seed = common.seed;
  return info;
}

// Without --model: that of a checkpoint of ours, or the one that names and shapes tell.
void name_model(WeightsFlags& f, const SafetensorsFile& file, std::vector<std::string>& notes) {
  if (!f.model.empty()) return;
  const ModelSpec spec = has_run_info(file) ? run_info_from(file).model : recognised(file, notes);
  f.model = spec.name;
  if (f.channels == 0) f.channels = spec.channels;
  if (f.stem == "auto") f.stem = spec.stem;
}

void import(WeightsFlags f, const CommonOptions& common) {
  require_writable("--out", f.out);
  const SafetensorsFile file = read_weight_file(f.file);
  const bool is_own = has_run_info(file);
  std::vector<std::string> notes;
  name_model(f, file, notes);
  ImportOptions options{.allow_partial = f.allow_partial};
  if (is_own) {
    const ModelSpec from = run_info_from(file).model;
    options.height = from.input_height();
    options.width = from.input_width();
  }
  RunInfo info = is_own ? own_info(f, file) : raw_info(f, file, common);
  const std::string note = set_normalisation(info.model, f.normalisation, file).note;
  const std::unique_ptr<Model> model = make_model(info.model, Device{}, common.seed);
  WeightsReport report = import_weights(file, *model, options);
  model->parameters().require_finite(f.file);
  if (!report.is_complete())
    report.notes.push_back(str(f.file, ": ", report.loaded, " tensors are loaded; ", report.problems()));
  if (!note.empty()) report.notes.push_back(note);
  report.notes.insert(report.notes.begin(), notes.begin(), notes.end());
  if (report.is_head_new) {
    info.head_scale = 1;
    info.class_names = info.class_folders = {};
  }
  save_checkpoint(f.out, model->parameters(), {}, {{"kelvin", to_text(to_json(info))}});
  Json json = to_json(report);
  json["notes"] = report.notes;
  json["output"] = f.out;
  print_result(common, str(report.loaded, " tensors of ", f.file, " as ", f.model, " in ", f.out, "\n"), json);
}

void export_run(const WeightsFlags& f, const CommonOptions& common) {
  require_writable("--out", f.out);
  const std::map<std::string, std::string> types = {{"float32", "F32"}, {"float16", "F16"}, {"bfloat16", "BF16"}};
  SafetensorsFile file = is_folder(f.file) ? open_checkpoint(RunFolder{f.file}) : read_weight_file(f.file);
  add_note(age_note(file));
  if (f.weights_from == "ema") file = require_average(std::move(file));
  const TrainedModel trained = build_trained_model(file, run_info_from(file), Device{});
  RunInfo info = trained.info;
  const ModelSpec& m = info.model;
  if (m.classifier == "cosine")
    throw mistake(f.file, ": its classifier compares directions (--classifier cosine); no linear layer, which is what ",
                  "torchvision and timm have, gives the same logits");
  info.head_scale = 1;  // the last layer written is the one that evaluates
  const ExportReport report =
      export_weights(f.out, *trained.model, types.at(f.dtype), {{"kelvin", to_text(to_json(info))}});
  std::vector<std::string> notes;
  if (!report.vanished.empty())
    notes.push_back(str("values too small for ", f.dtype, " became 0 in ", briefly_listed(report.vanished)));
  const std::int64_t count = trained.model->parameters().count();
  print_result(common,
               str(m.name, ", ", count, " parameters, for images normalised by mean ", channels_text(m.mean),
                   " and std ", channels_text(m.std), ", in ", f.out, "\n"),
               {{"model", m.name},
                {"parameters", count},
                {"mean", m.mean},
                {"std", m.std},
                {"output", f.out},
                {"notes", notes}});
}

}  // namespace

void add_weights(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<WeightsFlags>();
  CLI::App* const parent = add_parent(
      app, "weights", "Weights between this program and PyTorch, torchvision or timm",
      "  kelvin weights fetch vit_small_patch16_224.augreg_in21k --out weights\n"
      "  kelvin weights inspect checkpoint.pt\n"
      "  kelvin weights import vit.safetensors --model vit_small_patch16_224 --classes 10 --out start.safetensors\n"
      "  kelvin weights export runs/tau1 --out model.safetensors --dtype float16");

  CLI::App* c = add_command(*parent, common, "inspect", "Names, types and shapes of a file",
                            "  kelvin weights inspect checkpoint.pt", [f, &common] { inspect(*f, common); });
  add_word(*c, "FILE", f->file, "safetensors or PyTorch file", true);

  c = add_command(
      *parent, common, "import", "Makes a checkpoint that train --init, predict and evaluate read",
      "  kelvin weights import resnet50.safetensors --model resnet50 --stem imagenet --out r50.safetensors\n"
      "  kelvin weights import vit.safetensors --model vit_small_patch16_224 --classes 10 --out start.safetensors",
      [f, &common] { import(*f, common); });
  add_word(*c, "FILE", f->file, "safetensors or PyTorch file with torchvision's or timm's names", true);
  add_fields(
      *c,
      basic(joined({Fields{field("model", f->model, "Model of the weights; default: as the file or its tensors say"),
                           required(field("out", f->out, "Where the checkpoint goes")),
                           field("classes", f->classes, in(2, kMostClasses),
                                 "Class count; another one than the file's starts a new last layer"),
                           field("size", f->size, in(1, kMostPixels),
                                 "Image side; default: 224 for *_224 and the ImageNet stem, else 32"),
                           field("channels", f->channels, in(1, 3), "1 or 3; default: as the weights say, else 3"),
                           field("stem", f->stem, {"cifar", "imagenet", "auto"}, "cifar, imagenet or auto"),
                           field("allow-partial", f->allow_partial, "Load what fits and name the rest")},
                    normalisation_fields(f->normalisation)})));

  c = add_command(*parent, common, "export", "Writes weights that load_state_dict(strict=True) takes",
                  "  kelvin weights export runs/tau1 --out model.safetensors",
                  [f, &common] { export_run(*f, common); });
  add_word(*c, "RUN", f->file, "Run folder or checkpoint", true);
  add_fields(
      *c, basic(Fields{required(field("out", f->out, "safetensors file to write")), weights_from_field(f->weights_from),
                       field("dtype", f->dtype, {"float32", "float16", "bfloat16"}, "float32, float16 or bfloat16")}));
  add_weights_fetch(*parent, common);
}

}  // namespace kelvin
