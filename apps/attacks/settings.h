// The options of an attack: which there are, the usual ones, which of them an attack reads, and a name for what differs.
#pragma once

#include <map>
#include <string>

#include "apps/attacks/attack.h"
#include "apps/run/fields.h"

namespace kelvin {

// What every attack has, but for the seed and the batch size.
[[nodiscard]] Fields attack_fields(AttackOptions& options);
// What the attack of options.attack and options.norm has of its own.
[[nodiscard]] Fields own_fields(AttackOptions& options);
// What any attack has of its own, each name once; for names and help.
[[nodiscard]] Fields all_own_fields(AttackOptions& options);
// Sets own fields from their texts, by name. Throws a mistake where the attack has none of the name.
void set_own(AttackOptions& options, const std::map<std::string, std::string>& texts);

// The value of an own field; `otherwise` where the attack has none of the name.
template <class T>
[[nodiscard]] T own_value(const AttackOptions& options, const std::string& name, T otherwise) {
  AttackOptions o = options;
  const Fields fields = own_fields(o);
  const Field* const field = find(fields, name);
  return field != nullptr && !field->json().is_null() ? field->json().template get<T>() : otherwise;
}

// 8/255 in L∞; in L2 0.5, the radius of RobustBench's CIFAR-10.
[[nodiscard]] float usual_eps(Norm norm);
// Throws a mistake for a radius that no image has room for: in L∞ above 1.
void require_radius(float eps, Norm norm);

// Whether an attack reads a field; true for those that every attack has. This goes by known_attacks.h, and throws its mistake for an
// unknown attack.
[[nodiscard]] bool takes(const std::string& name, const std::string& attack, Norm norm);
// Throws a mistake where it does not: the field would change nothing, and nobody would know.
void require_taken(const std::string& name, const std::string& attack, Norm norm);

// Steps too few or too short to reach the ball's edge from the image: a sentence, or nothing.
[[nodiscard]] std::string reach_warning(const AttackOptions& options);

// A radius or step in a file name: "0.5", "4of255".
[[nodiscard]] std::string file_text(float value);
// Settings other than the usual ones, as part of a file name: "", "-eps4of255-steps5-seed3". Without norm, loss, target and τ.
[[nodiscard]] std::string unusual_settings(const AttackOptions& options);

[[nodiscard]] std::string title_of(const AttackOptions& options);  // "PGD-20, log-odds, attack τ = 1"

}  // namespace kelvin
