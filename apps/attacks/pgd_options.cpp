#include "apps/attacks/pgd_options.h"

namespace kelvin {

float usual_step(float eps) { return eps / 4; }

float PgdAttackOptions::step_in(float eps) const { return step.value_or(usual_step(eps)); }

Fields pgd_fields(PgdAttackOptions& o) {
  return {basic(field("step", o.step, at_least(0), "Step size of pgd, mifgsm and cw in L-infinity; default: eps/4")),
          basic(field("steps", o.steps, at_least(1), "Default: the attack's usual number; 20 for pgd")),
          basic(field("restarts", o.restarts, at_least(1), "Random starts; default: 1")),
          field("decay", o.decay, at_least(0), "mifgsm: decay of the momentum; default: 1"),
          off("no-random-start", o.random_start, "The attack starts at the image itself"),
          field("last-iterate", o.last_iterate, "pgd: return the last iterate, as torchattacks does, not the best")};
}

}  // namespace kelvin
