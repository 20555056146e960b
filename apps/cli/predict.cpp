// kelvin predict
#include "apps/cli/commands.h"
#include "apps/cli/notes.h"
#include "apps/cli/subcommand.h"
#include "apps/cli/target.h"
#include "apps/run/foreign_weights.h"
#include "apps/run/precisions.h"
#include "data/npy_dataset.h"
#include "engine/checkpoint.h"
#include "engine/input_file.h"
#include "engine/weight_file.h"
#include "models/weights.h"

namespace kelvin {
namespace {

struct PredictFlags {
  std::string model, weights, input, output, features, weights_from = "last";
  std::optional<DType> precision;
  NormalisationFlags normalisation;
  int classes = 0, image_size = 0;
};

// The images in [0, 1]; with --no-normalize unchanged, except bytes.
std::vector<float> pixels_of(const PredictFlags& f, const NpyArray& images) {
  if (images.type == "u1") {
    std::vector<float> pixels = images.to_float();
    for (float& v : pixels) v /= 255.0f;
    return pixels;
  }
  return f.normalisation.no_normalize ? images.to_float() : float_pixels(images);
}

// Position embeddings fix the grid of patches; other layers accept any image size.
void require_own_grid(const ModelSpec& own, const ModelSpec& spec, const SafetensorsFile& file) {
  if (!file.tensors.contains("pos_embed") ||
      (own.input_height() == spec.input_height() && own.input_width() == spec.input_width()))
    return;
  throw mistake(file.path.string(), ": its position embeddings are of images of ", own.input_height(), "x",
                own.input_width(), ", these have ", spec.input_height(), "x", spec.input_width(), "; --image-size ",
                own.input_height(), " resizes the images, kelvin weights import ", file.path.string(), " --model ",
                spec.name, " --size ", spec.input_height(), " --out FILE resamples the embeddings");
}

// The model for these images; `notes` get what the flags do not say.
ModelSpec spec_for(const PredictFlags& f, const SafetensorsFile& file, const NpyArray& images,
                   std::vector<std::string>& notes) {
  ModelSpec own;
  if (has_run_info(file)) {
    own = run_info_from(file).model;
    if (images.shape[3] != own.channels)
      throw mistake(f.input, ": ", images.shape[3], " channels, the model takes ", own.channels);
    if (f.classes > 0 && f.classes != own.classes)
      throw mistake("--classes ", f.classes, ": ", f.weights, " holds a model of ", own.classes);
    if (!f.model.empty() && f.model != own.name)
      throw mistake("--model ", f.model, ": ", f.weights, " holds ", with_article(own.name));
  } else {
    if (f.model.empty())
      own = recognised(file, notes);
    else
      own.name = f.model;
    own.classes = f.classes > 0 ? f.classes : head_classes(file);
  }
  ModelSpec spec = own;
  spec.height = static_cast<int>(images.shape[1]);
  spec.width = static_cast<int>(images.shape[2]);
  spec.channels = static_cast<int>(images.shape[3]);
  if (f.image_size > 0) spec.image_size = f.image_size;
  spec.precision = f.precision.value_or(spec.precision);
  const std::string note = set_normalisation(spec, f.normalisation, file).note;
  if (!note.empty()) notes.push_back(note);
  if (has_run_info(file)) require_own_grid(own, spec, file);
  return spec;
}

void run(const PredictFlags& f, const CommonOptions& common) {
  const Device device = open_device(common);
  require_writable("--output", f.output);
  if (!f.features.empty()) require_writable("--features", f.features);
  const NpyArray header = read_npy_header(f.input);
  if (header.shape.size() != 4) throw mistake(f.input, ": shape ", header.shape_text(), ", expected (N, H, W, C)");
  SafetensorsFile file = is_folder(f.weights) ? open_checkpoint(RunFolder{f.weights}) : read_weight_file(f.weights);
  add_note(age_note(file));
  if (f.weights_from == "ema") file = require_average(std::move(file));
  RunInfo info;
  if (has_run_info(file)) info = run_info_from(file);
  std::vector<std::string> notes;
  info.model = spec_for(f, file, header, notes);
  require_precision(info.model.precision, device);
  const TrainedModel trained =
      has_run_info(file) ? build_trained_model(file, info, device) : build_foreign_model(file, info, device, notes);

  const NpyArray images = read_npy(f.input);
  if (images.shape != header.shape) throw mistake(f.input, ": changed while it was read");
  const std::vector<float> pixels = pixels_of(f, images);
  const std::int64_t n = images.shape[0], per_image = n > 0 ? static_cast<std::int64_t>(pixels.size()) / n : 0;
  constexpr std::int64_t kBatch = 64;
  std::vector<float> logits, features;
  for (std::int64_t first = 0; first < n; first += kBatch) {
    const std::int64_t count = std::min(kBatch, n - first);
    const std::span<const float> part(pixels.data() + first * per_image, static_cast<std::size_t>(count * per_image));
    const Tensor x = Tensor::from_host<float>(part, {count, images.shape[1], images.shape[2], images.shape[3]}, device);
    const Tensor feature = trained.model->features(x, Mode::eval);
    for (const auto& [tensor, into] :
         {std::pair(feature, &features), std::pair(trained.model->logits(feature), &logits)}) {
      const std::vector<float> values = tensor.to_host<float>();
      into->insert(into->end(), values.begin(), values.end());
    }
  }
  const std::int64_t classes = info.model.classes, width = trained.model->prototypes().value.dim(1);
  write_npy(f.output, std::span<const float>(logits), {n, classes});
  if (!f.features.empty()) write_npy(f.features, std::span<const float>(features), {n, width});
  const ModelSpec& m = info.model;
  print_result(common, str("logits of ", n, " images, ", normalisation_text(m), ", in ", f.output, "\n"),
               {{"n", n},
                {"classes", classes},
                {"class_names", class_names_of(info).names},
                {"mean", m.mean},
                {"std", m.std},
                {"output", f.output},
                {"notes", notes}});
}

}  // namespace

void add_predict(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<PredictFlags>();
  CLI::App* const c = add_command(
      app, common, "predict", "Logits (and features) of images in a .npy file",
      "  kelvin predict --weights runs/tau1/checkpoint.safetensors --input x.npy --output logits.npy\n"
      "  kelvin predict --model resnet20 --weights w.safetensors --input x.npy --output z.npy --no-normalize",
      [f, &common] { run(*f, common); });
  add_fields(
      *c,
      basic(joined(
          {Fields{required(field("weights", f->weights, "safetensors or PyTorch file, or a run folder")),
                  required(field("input", f->input, "uint8, or float in [0, 1]; [N, H, W, C]")),
                  required(field("output", f->output, "Where the logits [N, classes] go")),
                  field("features", f->features, "Where f(x) [N, d] goes"),
                  field("model", f->model, "Model of the weights; default: as the file or its tensors say"),
                  field("classes", f->classes, in(2, kMostClasses), "Class count; default: from the weights"),
                  field("image-size", f->image_size, in(0, kMostPixels),
                        "Resize the images to this side; default: as the checkpoint says"),
                  field("precision", f->precision, precisions(), "f32 or bf16"), weights_from_field(f->weights_from)},
           normalisation_fields(f->normalisation)})));
}

}  // namespace kelvin
