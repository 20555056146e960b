#include "apps/analysis/gradients.h"

#include <algorithm>
#include <cmath>

#include "apps/analysis/negative_softmax.h"
#include "apps/attacks/hyperplane.h"
#include "apps/evaluation/percentile.h"
#include "data/tensor_batch.h"
#include "engine/ops/losses.h"
#include "engine/tape.h"

namespace kelvin {
namespace {

using Rows = std::vector<float>;  // a host matrix, row-major

std::span<const float> row_of(const Rows& rows, std::size_t i, std::size_t width) {
  return std::span<const float>(rows).subspan(i * width, width);
}

// Absent where either vector is zero.
std::optional<double> cosine(std::span<const float> a, std::span<const float> b) {
  const double lengths = std::sqrt(dot(a, a)) * std::sqrt(dot(b, b));
  return lengths > 0 ? std::optional(dot(a, b) / lengths) : std::nullopt;
}

struct MeanOfPresent {
  double sum = 0, count = 0;
  void add(const std::optional<double>& value) {
    if (value) sum += *value, ++count;
  }
  [[nodiscard]] std::optional<double> value() const { return count > 0 ? std::optional(sum / count) : std::nullopt; }
};

// The sums over batches for one temperature.
struct Sums {
  GradientsAtTau row;  // sums, divided by n at the end
  std::vector<double> steps;
  double errors = 0, squared_errors = 0;
  MeanOfPresent prototype_cosine, feature_cosine, input_cosine;
  std::vector<double> set_gradient;  // [C, d] Σ over images of ∂L/∂W
};

class Study {
 public:
  Study(Model& model, const ImageSet& set, const GradientOptions& o)
      : model_(model),
        set_(set),
        o_(o),
        classes_(static_cast<std::size_t>(model.prototypes().value.dim(0))),
        width_(static_cast<std::size_t>(model.prototypes().value.dim(1))) {
    for (const double tau : o.taus) sums_.push_back(empty_sums(tau));
    at_one_ = empty_sums(1);
  }

  GradientStudy run(const CountFunction& progress) {
    for_each_batch(set_, o_.batch_size, model_.prototypes().value.device(), [&](const TensorBatch& batch) {
      add(batch);
      if (progress) progress(batch.first + batch.images.dim(0), set_.count);
    });
    GradientStudy study;
    study.n = set_.count;
    study.accuracy = correct_ / static_cast<double>(set_.count);
    for (const Sums& s : sums_) study.rows.push_back(finished(s));
    if (!distances_.empty())
      for (const double p : {5, 25, 50, 75, 95}) study.linearized_distance.push_back(percentile(distances_, p));
    return study;
  }

 private:
  // A batch's part of one temperature: α of every image, u and Jᵀu.
  struct Direction {
    std::vector<NegativeSoftmax> softmax;
    Rows u, input;
  };

  [[nodiscard]] Sums empty_sums(double tau) const {
    Sums s;
    s.row.tau = tau;
    s.row.alpha_shares.assign(classes_ - 1, 0);
    s.row.class_share.assign(classes_, 0);
    s.set_gradient.assign(classes_ * width_, 0);
    return s;
  }

  void add(const TensorBatch& batch) {
    f_ = model_.features(batch.images, Mode::eval);
    features_ = f_.to_host<float>();
    if (model_.spec().classifier == "cosine") normalize_features();
    logits_ = model_.logits(f_).to_host<float>();
    labels_ = batch.labels.to_host<std::int32_t>();
    pixels_ = static_cast<std::size_t>(batch.images.size() / batch.images.dim(0));
    is_correct_.clear();
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const auto z = row_of(logits_, i, classes_);
      is_correct_.push_back(std::max_element(z.begin(), z.end()) - z.begin() == labels_[i]);
      correct_ += is_correct_.back() ? 1 : 0;
    }
    add_distances(batch);
    const Direction one = direction(batch, 1);
    add_prototype_gradients(at_one_, one);
    for (Sums& s : sums_) {
      const Direction d = s.row.tau == 1 ? one : direction(batch, s.row.tau);
      add_prototype_gradients(s, d);
      add_images(s, d, one);
      add_float32_zeros(s, batch);
    }
  }

  // The input of a cosine classifier's last product: s f/‖f‖.
  void normalize_features() {
    for (std::size_t i = 0; i < features_.size() / width_; ++i) {
      const auto f = row_of(features_, i, width_);
      const double norm = std::sqrt(dot(f, f));
      for (std::size_t k = 0; k < width_ && norm > 0; ++k)
        features_[i * width_ + k] = static_cast<float>(features_[i * width_ + k] * model_.spec().cosine_scale / norm);
    }
  }

  [[nodiscard]] std::size_t label(std::size_t i) const { return static_cast<std::size_t>(labels_[i]); }

  // Gradients of Σ_j c_j z_j for a row c [C] of each image: with respect to the features, and to the images.
  [[nodiscard]] Rows at_features(const Rows& c) const {
    Tape tape({f_});
    const Tensor z = model_.logits(f_);
    tape.backward(z, Tensor::from_host<float>(c, z.shape(), z.device()));
    return tape.gradient(f_).to_host<float>();
  }
  [[nodiscard]] Rows at_images(const TensorBatch& batch, const Rows& c) const {
    Tape tape({batch.images});
    const Tensor z = model_.forward(batch.images, Mode::eval);
    tape.backward(z, Tensor::from_host<float>(c, z.shape(), z.device()));
    return tape.gradient(batch.images).to_host<float>();
  }

  // α − e_y at the logits: ∂L/∂z without the step size.
  [[nodiscard]] Direction direction(const TensorBatch& batch, double tau) const {
    Direction d;
    Rows c(logits_.size());
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      d.softmax.push_back(negative_softmax(row_of(logits_, i, classes_), label(i), tau));
      for (std::size_t j = 0; j < classes_; ++j) c[i * classes_ + j] = static_cast<float>(d.softmax[i].alpha[j]);
      c[i * classes_ + label(i)] = -1;
    }
    d.u = at_features(c);
    d.input = at_images(batch, c);
    return d;
  }

  void add_prototype_gradients(Sums& s, const Direction& d) const {
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const double step = d.softmax[i].error / s.row.tau;
      for (std::size_t j = 0; j < classes_; ++j) {
        const double factor = (j == label(i) ? -1.0 : d.softmax[i].alpha[j]) * step;
        for (std::size_t k = 0; k < width_; ++k)
          s.set_gradient[j * width_ + k] += factor * static_cast<double>(features_[i * width_ + k]);
      }
    }
  }

  void add_images(Sums& s, const Direction& d, const Direction& one) const {
    GradientsAtTau& r = s.row;
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const NegativeSoftmax& softmax = d.softmax[i];
      const double step = softmax.error / r.tau;
      std::vector<double> sorted = softmax.alpha;
      sorted.erase(sorted.begin() + labels_[i]);
      std::sort(sorted.rbegin(), sorted.rend());
      for (std::size_t k = 0; k < sorted.size(); ++k) r.alpha_shares[k] += sorted[k];
      for (std::size_t j = 0; j < classes_; ++j) r.class_share[j] += softmax.alpha[j];
      const double effective = effective_negatives(softmax), negatives = static_cast<double>(classes_ - 1);
      r.effective_negatives += effective;
      r.alpha_entropy += negatives > 1 ? std::log(effective) / std::log(negatives) : 0;
      r.step_size += step;
      s.steps.push_back(step);
      s.errors += softmax.error;
      s.squared_errors += softmax.error * softmax.error;

      const auto f = row_of(features_, i, width_), u = row_of(d.u, i, width_), x = row_of(d.input, i, pixels_);
      const double f_norm = std::sqrt(dot(f, f));
      r.true_prototype_l2 += step * f_norm;
      r.negative_prototype_l2 += step * f_norm / negatives;  // Σ α_j = 1
      r.hardest_prototype_l2 += step * f_norm * sorted.front();
      r.feature_l2 += step * std::sqrt(dot(u, u));
      double l1 = 0, linf = 0;
      for (const float v : x) {
        l1 += std::abs(static_cast<double>(v));
        linf = std::max(linf, std::abs(static_cast<double>(v)));
      }
      r.input_l1 += step * l1;
      r.input_l2 += step * std::sqrt(dot(x, x));
      r.input_linf += step * linf;
      s.prototype_cosine.add(cosine_of_logit_gradients(softmax, one.softmax[i]));
      s.feature_cosine.add(cosine(u, row_of(one.u, i, width_)));
      s.input_cosine.add(cosine(x, row_of(one.input, i, pixels_)));
    }
  }

  // The gradient as an attack or a training step computes it.
  void add_float32_zeros(Sums& s, const TensorBatch& batch) const {
    Tape tape({batch.images});
    tape.backward(sum(softmax_cross_entropy(model_.forward(batch.images, Mode::eval), batch.labels, s.row.tau)));
    const Rows gradient = tape.gradient(batch.images).to_host<float>();
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      if (!is_correct_[i]) continue;
      const auto x = row_of(gradient, i, pixels_);
      const auto zeros = static_cast<std::size_t>(std::count(x.begin(), x.end(), 0.0f));
      s.row.zero_images += zeros == pixels_ ? 1 : 0;
      s.row.zero_coordinates += static_cast<double>(zeros) / static_cast<double>(pixels_);
    }
  }

  void add_distances(const TensorBatch& batch) {
    Rows c(logits_.size(), 0);
    std::vector<double> margins;
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const auto z = row_of(logits_, i, classes_);
      std::size_t rival = label(i) == 0 ? 1 : 0;
      for (std::size_t j = 0; j < classes_; ++j)
        if (j != label(i) && z[j] > z[rival]) rival = j;
      margins.push_back(static_cast<double>(z[label(i)]) - z[rival]);
      c[i * classes_ + label(i)] = 1;
      c[i * classes_ + rival] = -1;
    }
    const Rows gradient = at_images(batch, c);
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      double l1 = 0;
      for (const float v : row_of(gradient, i, pixels_)) l1 += std::abs(static_cast<double>(v));
      if (is_correct_[i] && l1 > 0) distances_.push_back(margins[i] / l1);
    }
  }

  GradientsAtTau finished(const Sums& s) const {
    GradientsAtTau r = s.row;
    const auto n = static_cast<double>(set_.count);
    for (std::vector<double>* shares : {&r.alpha_shares, &r.class_share})
      for (double& v : *shares) v /= n;
    for (double* total :
         {&r.effective_negatives, &r.alpha_entropy, &r.step_size, &r.true_prototype_l2, &r.negative_prototype_l2,
          &r.hardest_prototype_l2, &r.feature_l2, &r.input_l1, &r.input_l2, &r.input_linf})
      *total /= n;
    for (double* total : {&r.zero_images, &r.zero_coordinates}) *total /= std::max(correct_, 1.0);
    r.median_step_size = percentile(s.steps, 50);
    r.image_participation = s.squared_errors > 0 ? s.errors * s.errors / (n * s.squared_errors) : 0;
    r.prototype_cosine = s.prototype_cosine.value();
    r.feature_cosine = s.feature_cosine.value();
    r.input_cosine = s.input_cosine.value();
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t k = 0; k < s.set_gradient.size(); ++k) {
      ab += s.set_gradient[k] * at_one_.set_gradient[k];
      aa += s.set_gradient[k] * s.set_gradient[k];
      bb += at_one_.set_gradient[k] * at_one_.set_gradient[k];
    }
    if (aa > 0 && bb > 0) r.set_prototype_cosine = ab / (std::sqrt(aa) * std::sqrt(bb));
    return r;
  }

  Model& model_;
  const ImageSet& set_;
  const GradientOptions& o_;
  std::size_t classes_, width_, pixels_ = 0;
  Tensor f_;                // of the batch at hand, like what follows
  Rows features_, logits_;  // [n, d], [n, C]
  std::vector<std::int32_t> labels_;
  std::vector<bool> is_correct_;
  double correct_ = 0;
  std::vector<Sums> sums_;
  Sums at_one_;
  std::vector<double> distances_;
};

}  // namespace

Fields gradient_fields(GradientOptions& o) {
  return {field("taus", o.taus, above(0), "Temperatures of the loss; independent of the one trained at")};
}

GradientStudy measure_gradients(Model& model, const ImageSet& set, const GradientOptions& options,
                                const CountFunction& progress) {
  GradientOptions checked = options;
  check(gradient_fields(checked));
  if (set.count < 1) throw mistake("gradients needs at least one image");
  return Study(model, set, options).run(progress);
}

}  // namespace kelvin
