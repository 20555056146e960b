// What a training may be asked, and how it is recorded.
#include <cmath>

#include "apps/training/train.h"
#include "kernels/device/exact.h"
#include "models/model.h"

namespace kelvin {
namespace {

void check_learned_tau(const TrainOptions& o) {
  if (!(o.tau_lr >= 0) || !std::isfinite(o.tau_lr)) throw mistake("tau-lr"_field, " must be 0 or more, got ", o.tau_lr);
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

SelectBy selection_of(const TrainOptions& o) {
  return o.select_by.value_or(o.adversarial.is_on() ? SelectBy::robust : SelectBy::accuracy);
}

void check_options(const TrainOptions& o) {
  require_known_model(o.model);
  check_options(o.adversarial);
  check_options(o.fine_tuning, o.model);
  check_options(o.choice, o.model);
  const auto is_temperature = [](double tau) { return tau > 0 && std::isfinite(tau); };
  if (!is_temperature(o.tau.start)) throw mistake("tau"_field, " must be > 0, got ", o.tau.start);
  if (!is_temperature(o.tau.end)) throw mistake("tau-end"_field, " must be > 0, got ", o.tau.end);
  if (!(o.lr.base >= 0) || !std::isfinite(o.lr.base)) throw mistake("lr"_field, " must be 0 or more, got ", o.lr.base);
  if (o.epochs < 1) throw mistake("epochs"_field, " must be at least 1, got ", o.epochs);
  for (const auto& [flag, beta] :
       {std::pair("beta1"_field, o.optimizer.beta1), std::pair("beta2"_field, o.optimizer.beta2)})
    if (!(beta >= 0 && beta < 1)) throw mistake(flag, " must be at least 0 and below 1, got ", exact(beta));
  if (!(o.optimizer.eps >= 0) || !std::isfinite(o.optimizer.eps))
    throw mistake("adam-eps"_field, " must be 0 or more, got ", o.optimizer.eps);
  if (!(o.optimizer.momentum >= 0 && o.optimizer.momentum <= 1))
    throw mistake("momentum"_field, " must be between 0 and 1, got ", exact(o.optimizer.momentum));
  if (!(o.optimizer.weight_decay >= 0) || !std::isfinite(o.optimizer.weight_decay))
    throw mistake("weight-decay"_field, " must be 0 or more, got ", o.optimizer.weight_decay);
  if (!(o.tau.period > 0) || !std::isfinite(o.tau.period))
    throw mistake("tau-period"_field, " must be > 0 epochs, got ", o.tau.period);
  for (const auto& [flag, n] : {std::pair("log-every"_field, o.log_every), std::pair("eval-every"_field, o.eval_every),
                                std::pair("loader-workers"_field, o.loader_workers)})
    if (n < 1) throw mistake(flag, " must be at least 1, got ", n);
  if (!(o.cosine_scale > 0) || !std::isfinite(o.cosine_scale))
    throw mistake("cosine-scale"_field, " must be > 0, got ", o.cosine_scale);
  if (o.batch_size < 1) throw mistake("batch-size"_field, " must be at least 1, got ", o.batch_size);
  if (o.lr.warmup_epochs < 0) throw mistake("warmup-epochs"_field, " must be 0 or more, got ", o.lr.warmup_epochs);
  for (const std::uint32_t epoch : o.keep.epochs)
    if (epoch > static_cast<std::uint32_t>(o.epochs))
      throw mistake("keep-checkpoints"_field, " ", epoch, ": the run ends after epoch ", o.epochs);
  if (o.classifier == "cosine" && o.reparametrize)
    throw mistake("reparametrize"_field, " needs ", "classifier"_field,
                  " linear: a cosine classifier has no W to make small");
  if (o.classifier == "cosine" && o.choice.head_init == "zeros")
    throw mistake("head-init"_field, " zeros needs ", "classifier"_field,
                  " linear: a prototype of length 0 has no direction");
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
  if (r.divergence)
    json["divergence"] = {{"step", r.divergence->step},
                          {"loss", std::isfinite(r.divergence->loss) ? Json(r.divergence->loss) : Json()},
                          {"tau", r.divergence->tau},
                          {"lr", r.divergence->lr}};
  return json;
}

}  // namespace kelvin
