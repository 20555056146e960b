// A model is backbone -> prototypes -> softmax(τ).
//
//   features(images) = f(x)            [N, d] float32
//   logits(f)        = f Wᵀ + b        [N, classes] float32; the rows of W are the class prototypes w_j
//                    = s cos(f, w_j)   with the cosine classifier: no bias, and nothing but s decides the size of the logits
//
// Images enter as float32 [N, H, W, C] in [0, 1] in the data's own size; resizing (where the spec asks for it) and normalisation are the
// model's first layers, so that an attack's ε is in pixels of the data set. τ does not appear here: it divides the logits inside the training loss only. Whether BatchNorm uses batch or
// running statistics is an argument of `features`, never hidden state.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/ops/dropout.h"
#include "engine/parameters.h"
#include "engine/tensor.h"

namespace kelvin {

// train_over_ranks: as train, with BatchNorm's statistics over the batches of all ranks of a parallel run
enum class Mode { train, eval, train_over_ranks };

// What a model is built for.
struct ModelSpec {
  std::string name = "resnet20";
  int classes = 10;
  int channels = 3;  // 1 or 3
  int height = 32, width = 32;
  std::vector<float> mean, std;       // per channel; empty: 0 and 1 (no normalisation)
  DType precision = DType::f32;       // storage of activations: f32 or bf16
  std::string stem = "auto";          // resnet18 and larger: cifar, imagenet, or auto (by the image size)
  std::string classifier = "linear";  // or cosine
  double cosine_scale = 15;  // s of the cosine classifier (hypersphere embedding's, Pang et al. 2020, 2002.08619)
  int image_size = 0;        // the side images are resized to inside the model, bilinear; 0: not resized
  // Vision transformers, in train mode only (models/vit.h)
  float dropout = 0, drop_path = 0;
  // Vision transformers: activations of a block are computed again in backward instead of kept; the same results for less memory
  bool checkpoint_activations = false;

  // What the layers after resizing see.
  [[nodiscard]] int input_height() const { return image_size > 0 ? image_size : height; }
  [[nodiscard]] int input_width() const { return image_size > 0 ? image_size : width; }
};

// The spec of a model for a data set (data/dataset.h): its classes, the size of its images and their normalisation. A template, because models
// and data know nothing of each other.
template <class Dataset>
[[nodiscard]] ModelSpec spec_for(const Dataset& data, std::string name) {
  const auto& images = data.train.count > 0 ? data.train : data.test;
  return {.name = std::move(name),
          .classes = data.classes,
          .channels = static_cast<int>(images.channels),
          .height = static_cast<int>(images.height),
          .width = static_cast<int>(images.width),
          .mean = data.mean,
          .std = data.std};
}

class Model {
 public:
  explicit Model(ModelSpec spec) : spec_(std::move(spec)) {}
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // images: float32 [N, H, W, C] in [0, 1] -> f(x): float32 [N, d]. In train mode BatchNorm running statistics move.
  [[nodiscard]] virtual Tensor features(const Tensor& images, Mode mode) = 0;
  // f(x): [N, d] -> [N, classes]
  [[nodiscard]] Tensor logits(const Tensor& features) const;
  [[nodiscard]] Tensor forward(const Tensor& images, Mode mode) { return logits(features(images, mode)); }

  // Dropout masks are a function of (seed of the model, layer, this number): set it before every training step, outside of a recorded
  // step. Two passes in one step draw the same masks. The batch may be a part of a larger one: `images` of them, from `first_image` on.
  void set_dropout_step(std::int64_t step, std::int64_t first_image = 0, std::int64_t images = 1);

  [[nodiscard]] const ModelSpec& spec() const { return spec_; }
  // s of the cosine classifier from now on: multiplies every logit by the ratio and changes no prediction.
  void set_cosine_scale(double scale) { spec_.cosine_scale = scale; }
  [[nodiscard]] Parameters& parameters() { return parameters_; }
  [[nodiscard]] const Parameters& parameters() const { return parameters_; }
  [[nodiscard]] const Parameter& prototypes() const { return *prototypes_; }  // W: [classes, d]
  [[nodiscard]] const Parameter& prototype_bias() const {
    return *prototype_bias_;
  }  // b: [classes]; cosine: a buffer of zeros

 protected:
  // Declares the last layer `<name>.weight`, `<name>.bias` over d features. decays_bias: as ParameterSpec::weight_decay.
  void declare_prototypes(const std::string& name, std::int64_t d, bool decays_bias);
  // The model's first layers: images to the model's own size, then (images − mean) / std in the model's precision.
  [[nodiscard]] Tensor normalize(const Tensor& images) const;
  [[nodiscard]] const DropoutSource& dropout_source() const { return dropout_source_; }

 private:
  friend std::unique_ptr<Model> make_model(ModelSpec spec, Device device, std::uint64_t seed);

  ModelSpec spec_;
  Parameters parameters_;
  const Parameter* prototypes_ = nullptr;
  const Parameter* prototype_bias_ = nullptr;
  Tensor mean_, std_;
  DropoutSource dropout_source_;
};

// Builds and initialises a model by name: those of model_names and every (dm_)wrn_DEPTH_WIDTH. Throws a mistake naming the known ones.
[[nodiscard]] std::unique_ptr<Model> make_model(ModelSpec spec, Device device, std::uint64_t seed);
// The same without memory: its parameters have names and shapes, but no values.
[[nodiscard]] std::unique_ptr<Model> declare_model(ModelSpec spec);
[[nodiscard]] std::vector<std::string> model_names();
void require_known_model(const std::string& name);  // throws that mistake, before anything is built

// Throws a mistake for rates outside of [0, 1), and where dropout, stochastic depth or checkpointed blocks are asked of a model without
// them.
void require_regularisation(const ModelSpec& spec);

// Throws a mistake where the device cannot compute in that precision: bfloat16 on a CPU without AVX512_BF16.
void require_precision(DType precision, Device device);

}  // namespace kelvin
