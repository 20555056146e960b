// Attacks on a trained model, with diagnostics that show whether the gradient they follow is zero.
//
//   fgsm, pgd, mifgsm    pgd.h           untargeted and targeted, on any loss
//   cw                   pgd.h           Carlini & Wagner's margin loss under PGD in L∞; in L2 carlini_wagner.h
//   apgd-ce, -dlr, -t    apgd.h
//   fab, fab-t           fab.h           apgd-t+fab-t: both, the second on what the first left standing
//   square               square.h
//   random               random_points.h random points of the ball's surface, no search
//   autoattack           autoattack.h    several attacks in turn, each on the images that are still robust (ensemble.h)
//
// The model runs in eval mode on images in [0, 1]. The attack has its own temperature: attack_tau divides the logits inside the attack's
// loss and nowhere else. Every iterate stays in the ε-ball and in [0, 1]. Random numbers depend on the image only (seed, restart, index in
// the set), so that results do not depend on the batch size.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/attacks/apgd.h"
#include "apps/attacks/autoattack.h"
#include "apps/attacks/carlini_wagner.h"
#include "apps/attacks/fab.h"
#include "apps/attacks/pgd_options.h"
#include "apps/attacks/random_points.h"
#include "apps/attacks/square.h"
#include "data/dataset.h"
#include "engine/ops/attack_steps.h"
#include "models/model.h"

namespace kelvin {

enum class AttackLoss { cross_entropy, log_odds, margin, dlr };
// all: every other class in turn; any misclassification counts.
enum class Targeting { none, random, least_likely, second_most_likely, fixed, all };

// The options that all attacks share, and the options of each attack, of which only those of `attack` are read.
struct AttackOptions {
  std::string attack = "pgd";  // one of attack_names(); "fgsm" is one step of size ε from x, without random start
  Norm norm = Norm::linf;
  float eps = 8.0f / 255.0f;  // in units of pixel values in [0, 1]
  AttackLoss loss = AttackLoss::cross_entropy;
  double attack_tau = 1;
  double eval_tau = 1;  // recorded; a positive temperature cannot change a prediction
  Targeting targeting = Targeting::none;
  int target_class = 0;  // for Targeting::fixed
  std::uint64_t seed = 0;
  int batch_size = 128;

  PgdAttackOptions pgd = {}, mifgsm{.steps = 10, .random_start = false, .decay = 1}, cw{.steps = 30};
  CarliniWagnerOptions cw_l2 = {};
  ApgdOptions apgd = {}, apgd_t{.targets = 9};
  FabOptions fab = {}, fab_t{.targets = 9};
  SquareOptions square = {};
  RandomPointsOptions random = {};
  AutoAttackOptions autoattack = {};
};

// The result for one image.
struct AttackedImage {
  std::int32_t label = 0, target = -1;  // target: -1 when untargeted
  std::int32_t clean_prediction = 0, adversarial_prediction = 0;
  float clean_margin = 0;  // z_y − max_{j≠y} z_j at x
  // fgsm, pgd: ‖x − x_start‖∞ at the last iterate, mean over restarts (on a GPU images that are already fooled continue to the last step).
  // Other attacks, including pgd towards every class: ‖x' − x‖∞ of the image found. −1: never moved, or none found.
  float displacement = -1;
  float linf = 0, l2 = 0;          // of the returned image
  bool has_zero_gradient = false;  // max|∇_x loss| = 0 exactly at x
  float adversarial_margin = 0;    // z_y − max_{j≠y} z_j at the returned image
  float minimal_distance =
      -1;  // smallest found by fab, fab-t and cw in L2, in the attack's norm; −1: not searched, or none found
  int broken_by = -1;          // index in AttackResult::members; −1: by none, or there are no members
  float zero_coordinates = 0;  // share of coordinates of ∇_x loss that are exactly 0 at x
  [[nodiscard]] bool is_clean_correct() const { return clean_prediction == label; }
  [[nodiscard]] bool is_robust() const { return is_clean_correct() && adversarial_prediction == label; }
  [[nodiscard]] bool withstood() const { return target < 0 ? is_robust() : adversarial_prediction != target; }
};

// The result of one member of an ensemble.
struct MemberSummary {
  std::string name;
  std::int64_t attacked = 0, broken = 0;
  double robust_accuracy = 0;  // of the whole set after this member
  double seconds = 0;
};

struct AttackResult {
  std::vector<AttackedImage> images;
  std::vector<MemberSummary> members;  // in the order in which they ran; empty for fgsm and pgd
  std::vector<std::string> warnings;   // reasons to doubt the robust accuracy, one sentence each
  // Of all returned images: extremes of their pixels, and how many pixels are NaN or infinite.
  float lowest_pixel = 0, highest_pixel = 0;
  std::int64_t not_finite = 0;
  double seconds = 0;  // of the whole attack, clean predictions and checks included
  [[nodiscard]] double clean_accuracy() const;
  [[nodiscard]] double robust_accuracy() const;  // clean errors count as failures
  // Share of the images, without those of the target class, that reach their target; 0 if untargeted.
  [[nodiscard]] double target_success_rate() const;
  [[nodiscard]] double zero_gradient_fraction() const;    // over correctly classified images
  [[nodiscard]] double zero_coordinate_fraction() const;  // mean over correctly classified images
  // Over the images that withstood if the attack has displacements for them, else over the images that it fooled; 0 if there are none.
  [[nodiscard]] double mean_displacement() const;
  [[nodiscard]] double max_linf() const;
  [[nodiscard]] double max_l2() const;
  [[nodiscard]] double margin_percentile(double p) const;  // of clean_margin over all images (evaluation/percentile.h)
};

// Called with each finished batch, on the rank that computed it: index of its first image, clean and returned images, both [N, H, W, C].
using AttackedBatchFunction = std::function<void(std::int64_t first, const Tensor& clean, const Tensor& adversarial)>;

using AttackProgress = std::function<void(std::int64_t done, std::int64_t total)>;

// Attacks every image of the set. The ranks of a parallel run share its batches; all call it, and get the same result. Throws a mistake for invalid options (ε < 0, unknown attack, target class out of range). `on_batch` and
// `progress(done, total)` may be empty.
[[nodiscard]] AttackResult attack(Model& model, const ImageSet& set, const AttackOptions& options,
                                  const AttackedBatchFunction& on_batch = {}, const AttackProgress& progress = {});
[[nodiscard]] std::vector<std::string> attack_names();  // known_attacks.h
// Whether every image has one target class to reach.
[[nodiscard]] bool has_targets(const AttackOptions& options);
// True if `displacement` is measured from the random start, where it can reach 2ε; false if from the image itself.
[[nodiscard]] bool moves_from_start(const AttackOptions& options);

// The loss that an attack follows, one number for each row: [N]. `labels` are the classes to leave or, for a targeted attack, to reach. τ is
// a number, or [1] in device memory.
[[nodiscard]] Tensor attack_loss(AttackLoss loss, const Tensor& logits, const Tensor& labels, double tau);
[[nodiscard]] Tensor attack_loss(AttackLoss loss, const Tensor& logits, const Tensor& labels, const Tensor& tau);

[[nodiscard]] const char* name_of(AttackLoss loss);
[[nodiscard]] std::vector<Named<Norm>> norms();                // linf, l2
[[nodiscard]] std::vector<Named<AttackLoss>> attack_losses();  // ce, log-odds, margin, dlr
// Throws a mistake that names `field` if a model has too few classes for the loss.
void require_classes(FieldName field, AttackLoss loss, int classes);

[[nodiscard]] const char* name_of(Targeting targeting);  // as the option `targeted` spells it; "fixed" for a class

// `label` and `title` name the attack in tables; see title_of (settings.h).
[[nodiscard]] nlohmann::json to_json(const AttackResult& result, const AttackOptions& options, const std::string& label,
                                     const std::string& title, double train_tau);
// One line of --save-results: the result for one image.
[[nodiscard]] nlohmann::json to_json(const AttackedImage& image, std::int64_t index, const AttackResult& result);

}  // namespace kelvin
