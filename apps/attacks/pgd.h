// FGSM, PGD (Madry et al. 2018, 1706.06083), MI-FGSM (PGD with momentum; Dong et al. 2018, 1710.06081) and what the
// adversarial-training literature calls C&W L∞: PGD on Carlini & Wagner's margin loss. One loop, with restarts and targets.
//
// The best iterate of all restarts is kept: the first that succeeds, before that the one of highest loss. An image that has
// succeeded is finished, and returned as it then was: on the CPU it leaves the batch, on a GPU it stays, so that one recorded
// iteration is replayed for every batch and restart; the answers are the same. With last_iterate every image runs to the end.
//
// With Targeting::all each restart descends the loss of one other class after another, the likeliest first, and any
// misclassification is a success ("all targets, worst case" with C − 1). Between two classes images leave on a GPU, too.
#pragma once

#include "apps/attacks/attack.h"
#include "apps/attacks/member.h"

namespace kelvin {

// Like `attack`, for options.attack "fgsm" and "pgd" and any targeting but `all`. Each returned image is classified once
// more, and that answer is reported.
[[nodiscard]] AttackResult pgd_attack(Model& model, const ImageSet& set, const AttackOptions& options,
                                      const AttackedBatchFunction& on_batch, const AttackProgress& progress);

// What the random start of restart `run` is drawn from.
[[nodiscard]] RandomKey random_start_key(std::uint64_t seed, std::size_t run);

// The same loop as a member of an ensemble: MI-FGSM, C&W in L∞, and PGD with Targeting::all. If the batch has targets it
// descends their loss, and reaching them is a success. Deterministic.
[[nodiscard]] MemberResult pgd_member(const Victim& victim, const ImageBatch& images, const AttackOptions& options,
                                      const PgdAttackOptions& own);

}  // namespace kelvin
