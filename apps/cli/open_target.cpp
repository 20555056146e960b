#include "apps/cli/notes.h"
#include "apps/cli/standard_streams.h"
#include "apps/cli/target.h"
#include "apps/run/foreign_weights.h"
#include "apps/run/precisions.h"
#include "engine/weight_file.h"
#include "kernels/processes/processes.h"
#include "models/recognition.h"
#include "models/weights.h"

namespace kelvin {
namespace {

// Weights and their metadata.
struct Source {
  std::string name;  // for messages: the run folder or the file
  SafetensorsFile file;
  RunInfo info;
  std::string model_from;  // how its model is known
  bool is_raw = false;     // without Kelvin's metadata, such as torchvision's and timm's
};

Source open_source(const TargetOptions& o) {
  if (o.run.empty() == o.weights.empty())
    throw mistake("give a run folder, or --weights FILE with --data and, unless the file tells its own, --model");
  if (!o.run.empty()) {
    if (!o.model.empty()) throw mistake("--model needs --weights; ", o.run, " names its own model");
    if (o.normalisation.are_given())
      throw mistake("--mean, --std and --no-normalize need --weights; ", o.run, " says how its images are normalised");
    Source source{o.run,
                  open_checkpoint({o.run}, o.checkpoint == "best" ? Which::best : Which::last),
                  {},
                  "the run's checkpoint"};
    source.info = run_info_from(source.file);
    return source;
  }
  if (o.checkpoint != "last") throw mistake("--checkpoint best needs a run folder, not --weights");
  Source source{o.weights, read_weight_file(o.weights), {}, ""};
  source.is_raw = !has_run_info(source.file);
  if (!source.is_raw) source.info = run_info_from(source.file);
  source.model_from = !source.is_raw    ? "the file's metadata"
                      : o.model.empty() ? "names and shapes of the tensors"
                                        : "--model";
  if (o.data.empty() && source.info.data.empty()) throw mistake("--weights needs --data");
  if (!source.is_raw && !o.model.empty() && o.model != source.info.model.name)
    throw mistake("--model ", o.model, ": ", o.weights, " holds ", with_article(source.info.model.name));
  return source;
}

// Of photographs that are resized to the model's images; a note says how.
ImagePreparation preparation_of(const TargetOptions& o, const Source& source, const std::string& data,
                                std::vector<std::string>& notes) {
  if (!data.starts_with("imagenet:")) {
    if (o.preparation.are_given())
      throw mistake("--images, --resize and --interpolation are for --data imagenet:DIR; the images of ", data,
                    " are taken as they are");
    return {};
  }
  const std::string model = !source.is_raw    ? source.info.model.name
                            : o.model.empty() ? recognise_model(source.file).name
                                              : o.model;
  const ImagePreparation p = preparation_for(model, source.file.path.string(), o.preparation);
  notes.push_back(str("images: ", text_of(p),
                      o.preparation.resize != 0 && o.preparation.interpolation != "auto"
                          ? ""
                          : "; --resize and --interpolation say otherwise"));
  return p;
}

// Loads the half of the data that --split names as its test half; also returns whether it is complete in spite of --limit.
bool load_images(const TargetOptions& o, const std::string& data, std::uint64_t seed,
                 const ImagePreparation& preparation, Dataset& set) {
  const bool on_train = o.split == "train";
  const std::int64_t one_more = o.limit == 0 ? 0 : o.limit + 1;  // shows whether the limit leaves images out
  set = load_dataset(data, {.train = on_train ? Half::required : Half::skip,
                            .test = on_train ? Half::skip : Half::required,
                            .train_limit = one_more,
                            .test_limit = one_more,
                            .seed = seed,
                            .images = o.preparation.images,
                            .preparation = preparation});
  if (on_train) set.test = std::move(set.train);
  const bool is_whole_set = o.limit == 0 || set.test.count <= o.limit;
  if (!is_whole_set) set.test = set.test.first(o.limit);
  return is_whole_set;
}

// `own`: the metadata of the run.
std::string variant_of(const TargetOptions& o, const RunInfo& own, std::int64_t images, bool is_whole_set) {
  std::string text;
  const bool is_usual = is_whole_set ? o.usual_limit == 0 || images <= o.usual_limit : images == o.usual_limit;
  if (!is_usual) text += str("-n", images);
  if (!o.data.empty() && o.data != own.data) text += "-on-" + file_name_text(o.data);
  if (o.precision && *o.precision != own.model.precision) text += "-" + name_in(precisions(), *o.precision);
  if (o.weights_from == "ema") text += "-ema";
  if (const PreparationFlags& p = o.preparation; p.are_given()) {
    if (!p.images.empty()) text += "-of-" + file_name_text(std::filesystem::path(p.images).filename().string());
    if (p.resize != 0) text += str("-resize", p.resize);
    if (p.interpolation != "auto") text += "-" + p.interpolation;
  }
  return text;
}

// Sets the image size of imported weights' spec, and checks that the images fit the model.
void fit_images(const Source& source, const std::string& data, const ImageSet& test, ModelSpec& spec) {
  if (source.info.data.empty()) {  // imported weights are not bound to the sizes of a data set
    if (spec.image_size == 0) spec.image_size = spec.height;
    spec.height = static_cast<int>(test.height);
    spec.width = static_cast<int>(test.width);
  }
  if (test.height != spec.height || test.width != spec.width || test.channels != spec.channels)
    throw mistake(source.file.path.string(), ": its model takes ", spec.height, "x", spec.width, "x", spec.channels,
                  " images; ", data, " has ", test.height, "x", test.width, "x", test.channels);
}

// The model for weights without metadata, from --model or the tensors, and the images.
ModelSpec raw_spec(const TargetOptions& o, const Source& source, const std::string& data, const Dataset& set,
                   std::vector<std::string>& notes) {
  if (!o.model.empty()) require_known_model(o.model);
  const ModelSpec own =
      o.model.empty() ? recognised(source.file, notes) : ModelSpec{.name = o.model, .mean = {}, .std = {}};
  const int classes = find_head_classes(source.file).value_or(set.classes);
  // No names say which of the model's classes a smaller set has, so a set with names must have all of them.
  if (set.has_class_names ? set.classes != classes : set.classes > classes)
    throw mistake(source.name, ": has a last layer of ", classes, " classes; ", data, " has ", set.classes);
  ModelSpec spec = spec_for(set, own.name);
  spec.classes = classes;
  spec.stem = own.stem;
  spec.mean = spec.std = {};
  return spec;
}

void match_classes(const Source& source, const std::string& data, Target& target) {
  target.own_labels = target.data.test.labels;
  target.classes.emplace(source.info, source.name, target.data, data);
  target.classes->apply(target.data.test);
  if (!target.classes->note().empty()) target.notes.push_back(target.classes->note());
}

}  // namespace

Target open_target(const TargetOptions& o, const CommonOptions& common) {
  const Device device = open_device(common);
  Source source = open_source(o);
  RunInfo& info = source.info;
  Target target;
  target.quiet = common.quiet;
  if (!o.run.empty()) {
    target.folder = {o.run};
    target.which = o.checkpoint == "best" ? Which::best : Which::last;
  }
  add_note(age_note(source.file));
  const std::string data = o.data.empty() ? info.data : o.data;
  const bool is_whole_set = load_images(o, data, info.seed, preparation_of(o, source, data, target.notes), target.data);
  add_notes(target.data.notes);
  target.variant = variant_of(o, info, target.data.test.count, is_whole_set);
  if (source.is_raw)
    info.model = raw_spec(o, source, data, target.data, target.notes);
  else
    fit_images(source, data, target.data.test, info.model);
  const NormalisationOrigin normalisation = set_normalisation(info.model, o.normalisation, source.file);
  if (!normalisation.note.empty()) target.notes.push_back(normalisation.note);
  target.origin = {source.file.path, source.model_from, normalisation.from, is_whole_set, o.weights_from == "ema"};
  match_classes(source, data, target);
  if (o.weights_from == "ema") source.file = require_average(std::move(source.file));
  info.model.precision = o.precision.value_or(info.model.precision);
  require_precision(info.model.precision, device);
  info.data = data;
  if (const std::int64_t batches = (target.data.test.count + o.batch_size - 1) / o.batch_size;
      batches < processes().size())
    print_note(str("note: ", processes().size(), " ranks share ", batches, batches == 1 ? " batch" : " batches",
                   "; a smaller --batch-size would use all"));
  target.trained = source.is_raw ? build_foreign_model(source.file, info, device, target.notes)
                                 : build_trained_model(source.file, info, device);
  return target;
}

}  // namespace kelvin
