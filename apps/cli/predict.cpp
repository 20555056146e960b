// kelvin predict
#include "apps/cli/commands.h"
#include "apps/cli/notes.h"
#include "apps/cli/target.h"
#include "data/npy_dataset.h"
#include "engine/checkpoint.h"
#include "models/normalisation.h"
#include "models/weights.h"

namespace kelvin {
namespace {

struct PredictFlags {
  std::string model, weights, input, output, features, precision, weights_from = "last";
  std::vector<float> mean, std;
  int classes = 0, image_size = 0;
  bool no_normalize = false;
};

// In [0, 1]; with --no-normalize as they are, but for bytes.
std::vector<float> pixels_of(const PredictFlags& f, const NpyArray& images) {
  if (images.type == "u1") {
    std::vector<float> pixels = images.to_float();
    for (float& v : pixels) v /= 255.0f;
    return pixels;
  }
  return f.no_normalize ? images.to_float() : float_pixels(images);
}

ModelSpec spec_for(const PredictFlags& f, const SafetensorsFile& file, const NpyArray& images) {
  ModelSpec spec;
  if (has_run_info(file)) {
    spec = run_info_from(file).model;
    if (images.shape[3] != spec.channels)
      throw mistake(f.input, ": ", images.shape[3], " channels, the model takes ", spec.channels);
    if (f.classes > 0 && f.classes != spec.classes)
      throw mistake("--classes ", f.classes, ": ", f.weights, " holds a model of ", spec.classes);
  } else {
    spec.classes = f.classes > 0 ? f.classes : head_classes(file);
    const auto published = published_normalisation(f.model, static_cast<int>(images.shape[3]));
    if (published) spec.mean = published->mean, spec.std = published->std;
    if (!published && !f.no_normalize && (f.mean.empty() || f.std.empty()))
      throw mistake("--mean and --std, or --no-normalize: ", f.weights, " does not say how its images are normalised");
  }
  if (!f.mean.empty()) spec.mean = f.mean;
  if (!f.std.empty()) spec.std = f.std;
  if (!f.model.empty()) spec.name = f.model;
  spec.height = static_cast<int>(images.shape[1]);
  spec.width = static_cast<int>(images.shape[2]);
  spec.channels = static_cast<int>(images.shape[3]);
  if (f.image_size > 0) spec.image_size = f.image_size;
  if (f.no_normalize) spec.mean = spec.std = {};
  if (!f.precision.empty()) spec.precision = f.precision == "bf16" ? DType::bf16 : DType::f32;
  return spec;
}

void run(const PredictFlags& f, const CommonOptions& common) {
  const Device device = open_device(common);
  require_writable("--output", f.output);
  if (!f.features.empty()) require_writable("--features", f.features);
  const NpyArray header = read_npy_header(f.input);
  if (header.shape.size() != 4) throw mistake(f.input, ": shape ", header.shape_text(), ", expected (N, H, W, C)");
  SafetensorsFile file = read_safetensors(f.weights);
  add_note(age_note(file));
  if (f.weights_from == "ema") file = require_average(std::move(file));
  if (f.model.empty() && !has_run_info(file)) throw mistake("--model is needed: ", f.weights, " does not name its own");
  RunInfo info;
  if (has_run_info(file)) info = run_info_from(file);
  info.model = spec_for(f, file, header);
  require_precision(info.model.precision, device);
  const TrainedModel trained = build_trained_model(file, info, device);

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
  const std::string inputs =
      m.mean.empty() ? "as they are" : "normalised by mean " + of_channels(m.mean) + " and std " + of_channels(m.std);
  print_result(common, str("logits of ", n, " images, ", inputs, ", in ", f.output, "\n"),
               {{"n", n}, {"classes", classes}, {"mean", m.mean}, {"std", m.std}, {"output", f.output}});
}

}  // namespace

void add_predict(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<PredictFlags>();
  CLI::App* const c = add_command(
      app, common, "predict", "Logits (and features) of images in a .npy file",
      "  kelvin predict --weights runs/tau1/checkpoint.safetensors --input x.npy --output logits.npy\n"
      "  kelvin predict --model resnet20 --weights w.safetensors --input x.npy --output z.npy --no-normalize",
      [f, &common] { run(*f, common); });
  c->add_option("--model", f->model, "Model of the weights; default: as the checkpoint says");
  c->add_option("--weights", f->weights, "safetensors file")->required();
  c->add_option("--input", f->input, "uint8, or float in [0, 1]; [N, H, W, C]")->required();
  c->add_option("--output", f->output, "Where the logits [N, classes] go")->required();
  c->add_option("--features", f->features, "Where f(x) [N, d] goes");
  c->add_option("--classes", f->classes, "Class count; default: from the weights")->check(between(2, kMostClasses));
  c->add_option("--image-size", f->image_size, "Resize the images to this side; default: as the checkpoint says")
      ->check(between(0, kMostPixels));
  c->add_option("--precision", f->precision, "f32 or bf16")->check(CLI::IsMember({"f32", "bf16"}));
  c->add_option("--weights-from", f->weights_from, "last, or ema: the averaged weights of a run trained with --ema")
      ->check(CLI::IsMember({"last", "ema"}))
      ->capture_default_str();
  CLI::Option* const mean = c->add_option("--mean", f->mean,
                                          "Of the images, per channel; default: as the checkpoint says, else "
                                          "ImageNet's, for a ViT 0.5")
                                ->delimiter(',');
  CLI::Option* const std = c->add_option("--std", f->std, "Likewise")->delimiter(',');
  c->add_flag("--no-normalize", f->no_normalize, "The images are normalised already")->excludes(mean)->excludes(std);
}

}  // namespace kelvin
