// The options of an attack: the table of them, their usual values, which of them an attack reads, and a name for unusual values.
#pragma once

#include <map>
#include <string>

#include "apps/attacks/attack.h"
#include "apps/run/fields.h"

namespace kelvin {

// The options that all attacks share, except the seed and the batch size.
[[nodiscard]] Fields attack_fields(AttackOptions& options);
// The own options of the attack that options.attack and options.norm name.
[[nodiscard]] Fields own_fields(AttackOptions& options);
// The own options of all attacks, each name once; for names and help.
[[nodiscard]] Fields all_own_fields(AttackOptions& options);
// Sets own fields from their texts, by name. Throws a mistake if the attack has no field of that name.
void set_own(AttackOptions& options, const std::map<std::string, std::string>& texts);

// The value of an own field; `otherwise` if the attack has no field of that name.
template <class T>
[[nodiscard]] T own_value(const AttackOptions& options, const std::string& name, T otherwise) {
  AttackOptions o = options;
  const Fields fields = own_fields(o);
  const Field* const field = find(fields, name);
  return field != nullptr && !field->json().is_null() ? field->json().template get<T>() : otherwise;
}

// 8/255 in L∞; in L2 0.5, the radius of RobustBench's CIFAR-10.
[[nodiscard]] float usual_eps(Norm norm);
// Throws a mistake for a radius that is too large for any image: in L∞ above 1.
void require_radius(float eps, Norm norm);

// Whether an attack reads a field, according to known_attacks.h; true for fields that all attacks share. Throws a mistake for an unknown
// attack.
[[nodiscard]] bool takes(const std::string& name, const std::string& attack, Norm norm);
// Throws a mistake if the attack does not read the field, which would have no effect.
void require_taken(const std::string& name, const std::string& attack, Norm norm);

// A sentence if the steps are too few or too short to reach the edge of the ball from the image; else empty.
[[nodiscard]] std::string reach_warning(const AttackOptions& options);

// A radius or step in a file name: "0.5", "4of255".
[[nodiscard]] std::string file_text(float value);
// The settings that differ from the usual ones, as part of a file name: "", "-eps4of255-steps5-seed3". Without norm, loss, target and τ.
[[nodiscard]] std::string unusual_settings(const AttackOptions& options);

// What an attack reads: its options by name, its seed, and the step that it takes where none was chosen.
[[nodiscard]] nlohmann::json settings_json(const AttackOptions& options);
[[nodiscard]] std::string title_of(const AttackOptions& options);  // "PGD-20, log-odds, attack τ = 1"

}  // namespace kelvin
