// Published accuracies beside those of a card.
#pragma once

#include "apps/card/card.h"

namespace kelvin {

// Under `rows`, for each pair of figures: `published`, `ours`, the difference ours − published, whether the published figure lies within our interval, and that in a
// sentence. A robust accuracy is compared with AutoAttack alone, which publications use, and with the worst case. `differs`: in what the two
// evaluations are not the same, as far as that can be known. `card`: with its accuracies.
[[nodiscard]] Json compared(const Json& card, const AuditOptions& options, const Audit& audit,
                            const CardReference& reference);

}  // namespace kelvin
