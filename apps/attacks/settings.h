// What an attack reads of AttackOptions: the usual settings, which of them it has any use for, and a name for what differs.
#pragma once

#include <string>

#include "apps/attacks/attack.h"

namespace kelvin {

// 8/255 in L∞; in L2 0.5, the radius of RobustBench's CIFAR-10.
[[nodiscard]] float usual_eps(Norm norm);
// Throws a mistake for a radius that no image has room for: in L∞ above 1.
void require_radius(float eps, Norm norm);
// ε/4, which is 2/255 at 8/255. A step that does not follow ε makes an attack on a wide ball weak.
[[nodiscard]] float usual_step(float eps);

// Steps that the attack's authors or its usual harness use.
[[nodiscard]] int usual_steps(const std::string& attack, Norm norm);
// Whether an attack reads the option behind a flag, named without its dashes; true for flags that every attack has. This goes by
// known_attacks.h, and throws its mistake for an unknown attack.
[[nodiscard]] bool takes(const std::string& flag, const std::string& attack, Norm norm);
// Throws a mistake where it does not: the flag would change nothing, and nobody would know.
void require_taken(const std::string& flag, const std::string& attack, Norm norm);

// Steps too few or too short to reach the ball's edge from the image: a sentence, or nothing.
[[nodiscard]] std::string reach_warning(const AttackOptions& options);

// A radius or step in a file name: "0.5", "4of255".
[[nodiscard]] std::string file_text(float value);
// Settings other than the usual ones, as part of a file name: "", "-eps4of255-steps5-seed3". Without norm, loss, target and τ.
[[nodiscard]] std::string unusual_settings(const AttackOptions& options);

[[nodiscard]] std::string title_of(const AttackOptions& options);  // "PGD-20, log-odds, attack τ = 1"

}  // namespace kelvin
