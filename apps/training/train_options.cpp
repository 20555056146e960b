// The table of training options, and their record in JSON.
#include <cmath>

#include "apps/run/precisions.h"
#include "apps/training/convergence.h"
#include "apps/training/train.h"
#include "kernels/device/threads.h"
#include "models/model.h"

namespace kelvin {
namespace {

void check_learned_tau(const TrainOptions& o) {
  if (o.tau.kind != TemperatureSchedule::Kind::constant)
    throw mistake("tau"_field, " learn takes no ", "tau-schedule"_field);
  if (o.reparametrize || o.lr_times_tau || o.adversarial.balance_tau)
    throw mistake("tau"_field, " learn does not go with ", "reparametrize"_field, ", ", "lr-times-tau"_field, " or ",
                  "balance-tau"_field, ": they need a known tau");
  const AdversarialOptions& a = o.adversarial;
  const bool has_kl = a.kind == AdversarialOptions::Kind::trades || a.kind == AdversarialOptions::Kind::mart;
  if (a.kind == AdversarialOptions::Kind::mart || (has_kl && (a.kl_tau == 0 || a.kl_adversarial_tau == 0)))
    throw mistake("tau"_field, " learn follows the cross-entropy only: use ", "adversarial"_field,
                  " none, pgd, or trades with ", "kl-tau"_field, " and ", "kl-adversarial-tau"_field, " of its own");
}

}  // namespace

Fields train_fields(TrainOptions& o) {
  using Optimizer = OptimizerOptions::Kind;
  using LrSchedule = LearningRateSchedule::Kind;
  using TauSchedule = TemperatureSchedule::Kind;
  return joined(
      {group("Data",
             {basic(field("data", o.data,
                          "fashion-mnist[:DIR], cifar10:DIR, cifar100:DIR, tiny-imagenet:DIR, synthetic[:options], "
                          "npy:DIR (four .npy), folder:DIR (train/CLASS/*.png, test/CLASS/*.png); cifar10.1:DIR is a "
                          "test set, for evaluate")),
              basic(field("augment", o.augment,
                          {{"none", Augment::none}, {"standard", Augment::standard}, {"cutout", Augment::cutout}},
                          "none, standard (pad 4, above 48 pixels 8, random crop, flip), or cutout (standard and a "
                          "square of zeros)")),
              field("loader-workers", o.loader_workers, in(1, kMostThreads), "Threads that prepare batches",
                    Resume::free)}),
       group("Model",
             {basic(field("model", o.model, listed(model_names()))),
              field("stem", o.stem, {"auto", "cifar", "imagenet"},
                    "resnet18 and larger: cifar, imagenet, or auto (cifar for images of up to 64 pixels)"),
              field("classifier", o.classifier, {"linear", "cosine"},
                    message("linear, or cosine: logits are ", "cosine-scale"_field, " times cos(f, w_j), no bias")),
              field("cosine-scale", o.cosine_scale, above(0),
                    message("Multiplies the cosines of ", "classifier"_field, " cosine")),
              basic(field("init", o.init, "Start from a weight file: Kelvin's, PyTorch's, timm's")),
              field("allow-partial", o.allow_partial, message("With ", "init"_field, ": load what fits")),
              basic(field("precision", o.precision, precisions(), "f32 or bf16 activations"))}),
       model_choice_fields(o.choice),
       group("Temperature",
             {basic(field("tau-schedule", o.tau.kind,
                          {{"constant", TauSchedule::constant},
                           {"linear", TauSchedule::linear},
                           {"cosine", TauSchedule::cosine},
                           {"cyclic", TauSchedule::cyclic}},
                          message("constant, linear, cosine or cyclic, from ", "tau"_field, " to ", "tau-end"_field))),
              field("tau-period", o.tau.period, above(0), "Epochs a cycle of the cyclic schedule"),
              field("tau-lr", o.tau_lr, at_least(0),
                    message("Learning rate of log tau with ", "tau"_field, " learn; follows ", "lr-schedule"_field)),
              field("reparametrize", o.reparametrize,
                    "Control: the same training written as tau = 1 with a small, slow last layer")}),
       group(
           "Optimisation",
           {basic(field("epochs", o.epochs, at_least(1), "Passes over the training images", Resume::free)),
            basic(field("batch-size", o.batch_size, at_least(1),
                        "Images a step, of all ranks together; an epoch leaves out an incomplete last batch")),
            field("sync-batch-norm", o.sync_batch_norm,
                  "Parallel runs: BatchNorm's statistics over the images of all ranks"),
            basic(field("optimizer", o.optimizer.kind,
                        {{"sgd", Optimizer::sgd}, {"adam", Optimizer::adam}, {"adamw", Optimizer::adamw}},
                        "sgd, adam or adamw")),
            basic(
                field("lr-schedule", o.lr.kind,
                      {{"constant", LrSchedule::constant}, {"step", LrSchedule::step}, {"cosine", LrSchedule::cosine}},
                      "constant, step (times 0.1 at 1/2 and at 3/4 of the epochs) or cosine")),
            basic(field("lr-times-tau", o.lr_times_tau, "Multiply the learning rate by the temperature (of sgd)")),
            field("warmup-epochs", o.lr.warmup_epochs, at_least(0),
                  message("Linear rise from 0 at the start, over the schedule that ", "lr-schedule"_field, " gives")),
            field("momentum", o.optimizer.momentum, in(0, 1), "sgd: share of the last update that the next one keeps"),
            field("nesterov", o.optimizer.nesterov, "sgd: Nesterov's momentum"),
            basic(field("weight-decay", o.optimizer.weight_decay, at_least(0),
                        "Of all parameters, as torch.optim does it; of a vit_*'s matrices alone, as timm does")),
            field("beta1", o.optimizer.beta1, from_below(0, 1), "adam, adamw: decay of the first moment"),
            field("beta2", o.optimizer.beta2, from_below(0, 1), "adam, adamw: decay of the second moment"),
            field("adam-eps", o.optimizer.eps, at_least(0), "adam, adamw: added to the root of the second moment")}),
       fine_tuning_fields(o.fine_tuning), adversarial_fields(o.adversarial),
       group("Output",
             {basic(field("resume", o.resume,
                          message("Continue the run in ", "out"_field, " with the flags of its config.toml"),
                          Resume::unrecorded)),
              field("accept-changed-data", o.accept_changed_data,
                    message("With ", "resume"_field,
                            ": continue although images or labels have changed since the run began"),
                    Resume::unrecorded),
              field("select-by", o.select_by, select_by_names(),
                    message("How the best epoch is chosen on ", "validation"_field,
                            ": robust, accuracy or none; default: robust with ", "adversarial"_field,
                            ", accuracy otherwise")),
              kept_epochs_field("keep-checkpoints", o.keep),
              field("tensorboard", o.tensorboard,
                    message("Also write event files for TensorBoard, into a folder in this one with the name of ",
                            "out"_field),
                    Resume::free),
              field("log-every", o.log_every, at_least(1), "Steps between lines of metrics.jsonl", Resume::free),
              field("eval-every", o.eval_every, at_least(1), "Epochs between test evaluations", Resume::free)})});
}

SelectBy selection_of(const TrainOptions& o) {
  return o.select_by.value_or(o.adversarial.is_on() ? SelectBy::robust : SelectBy::accuracy);
}

void check_options(const TrainOptions& options) {
  TrainOptions o = options;
  check(train_fields(o));
  require_in("tau", above(0), o.tau.start, exact(o.tau.start));
  require_in("tau-end", above(0), o.tau.end, exact(o.tau.end));
  require_in("lr", at_least(0), o.lr.base, exact(o.lr.base));
  require_known_model(o.model);
  check_options(o.adversarial);
  check_options(o.fine_tuning, o.model);
  check_options(o.choice, o.model);
  for (const std::uint32_t epoch : o.keep.epochs)
    if (epoch > static_cast<std::uint32_t>(o.epochs))
      throw mistake("keep-checkpoints"_field, " ", epoch, ": the run ends after epoch ", o.epochs);
  if (o.classifier == "cosine" && o.reparametrize)
    throw mistake("reparametrize"_field, " needs ", "classifier"_field,
                  " linear: a cosine classifier has no W to make small");
  if (o.classifier == "cosine" && o.choice.head_init == "zeros")
    throw mistake("head-init"_field, " zeros needs ", "classifier"_field,
                  " linear: a prototype of length 0 has no direction");
  if (o.classifier == "cosine" && o.choice.head_init_scale != 1)
    throw mistake("head-init-scale"_field, " needs ", "classifier"_field,
                  " linear: a cosine classifier uses the direction of its prototypes alone");
  if (o.learn_tau) check_learned_tau(o);
  if (o.adversarial.awp_gamma > 0 && o.fine_tuning.accumulate > 1)
    throw mistake("awp"_field, " needs ", "accumulate"_field, " 1: its perturbation belongs to one batch");
  if (o.adversarial.kind == AdversarialOptions::Kind::mart && o.fine_tuning.label_smoothing > 0)
    throw mistake("label-smoothing"_field, " does not go with ", "adversarial"_field,
                  " mart: its loss is written for one-hot labels");
  if (o.reparametrize && o.tau.kind != TemperatureSchedule::Kind::constant)
    throw mistake("reparametrize"_field, " needs a constant ", "tau"_field);
  if (o.reparametrize && o.fine_tuning.clip_gradient_norm > 0)
    throw mistake("reparametrize"_field, " and ", "clip-gradient-norm"_field,
                  ": the norm of its gradients is not the norm that tau gives");
}

Json to_json(const TrainReport& r, const TrainOptions& o, const RunFolder& run) {
  Json json = {{"accuracy", r.accuracy ? Json(*r.accuracy) : Json(nullptr)},
               {"out", run.path.string()},
               {"diverged", r.divergence.has_value()},
               {"tau", o.tau.start},
               {"model", o.model},
               {"data", o.data},
               {"epochs", o.epochs},
               {"batch_size", o.batch_size},
               {"lr", o.lr.base},
               {"precision", name_of(o.precision)},
               {"seed", o.seed},
               {"reparametrize", o.reparametrize},
               {"final_tau", r.tau},
               {"learn_tau", o.learn_tau},
               {"classifier", o.classifier},
               {"adversarial", name_of(o.adversarial.kind)}};
  if (o.classifier == "cosine") json["cosine_scale"] = o.cosine_scale;
  if (o.adversarial.is_on()) json["adversarial_options"] = to_json(o.adversarial);
  json.update(to_json(o.fine_tuning));
  json.update(to_json(o.choice));
  TrainOptions all = o;
  Fields described = train_fields(all);
  std::erase_if(described, [](const Field& f) { return f.resume == Resume::unrecorded; });
  json["options"] = to_json(described);
  if (r.initial) json["init"] = to_json(*r.initial);
  json["notes"] = r.notes;
  if (r.ema_accuracy) json["ema_accuracy"] = *r.ema_accuracy;
  if (r.last)
    json.update({{"train_loss", r.last->train_loss},
                 {"train_accuracy", r.last->train_accuracy},
                 {"img_per_s", r.last->img_per_s}});
  if (r.last && r.last->validation) {
    json["validation_accuracy"] = r.last->validation->accuracy;
    if (r.last->validation->robust_accuracy) json["validation_robust_accuracy"] = *r.last->validation->robust_accuracy;
  }
  if (r.best.epoch > 0) {
    json["selected_by"] = name_of(selection_of(o));
    json["best_epoch"] = r.best.epoch;
    json["best_score"] = r.best.score;
  }
  if (r.not_converged) json["not_converged"] = to_json(*r.not_converged);
  if (r.divergence)
    json["divergence"] = {{"step", r.divergence->step},
                          {"loss", std::isfinite(r.divergence->loss) ? Json(r.divergence->loss) : Json()},
                          {"tau", r.divergence->tau},
                          {"lr", r.divergence->lr}};
  return json;
}

}  // namespace kelvin
