// Options of the attacks of pgd.h.
#pragma once

#include <optional>

#include "apps/run/fields.h"

namespace kelvin {

struct PgdAttackOptions {
  std::optional<float> step = {};  // none: usual_step(ε)
  int steps = 20;
  int restarts = 1;
  bool random_start = true;   // else x_0 is the image itself
  bool last_iterate = false;  // return x_K as torchattacks does, not the best iterate; needs restarts = 1
  float decay = 0;            // of the momentum; 0: none
  [[nodiscard]] float step_in(float eps) const;
};
[[nodiscard]] Fields pgd_fields(PgdAttackOptions& options);

// ε/4, which is 2/255 at 8/255. With a fixed step an attack on a wide ball would be weak.
[[nodiscard]] float usual_step(float eps);

}  // namespace kelvin
