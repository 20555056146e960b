// The robustness card that `kelvin audit` writes: where it goes, and what it says of the target.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "apps/card/card.h"
#include "apps/cli/target.h"

namespace kelvin {

struct CardFlags {
  std::string file;                                  // --card
  std::optional<double> reference, reference_clean;  // in percent
};
[[nodiscard]] Fields card_fields(CardFlags& flags);

// The card's JSON file: --card; else in results/ of the run; else in the present folder, named after the weights. `settings`: of Target::save.
// Throws a mistake if the file or its page cannot be written outside of a run.
[[nodiscard]] std::filesystem::path card_place(const CardFlags& flags, const Target& target,
                                               const std::string& settings);

// The card of an audit of the target; reads the files of the weights for their digests.
[[nodiscard]] Json audit_card(const CardFlags& flags, const Target& target, const AuditOptions& options,
                              const Audit& audit, const CommonOptions& common);

// Writes the card and its page, and says where they are.
void save_card(const Target& target, const std::filesystem::path& place, const Json& card);

}  // namespace kelvin
