// What some runs say about the claims of Xuan, Yang and Li (arXiv 2502.20604): each with its figure, its size, its uncertainty and a verdict.
//
// Of runs at several temperatures the one at 1 (else the nearest) is compared with the highest, for clean accuracy with the middle one above it.
// Three kinds of verdicts, from strong to weak:
//
//   about a formula       step size and direction: algebra, which the figures show
//   about these models    an attack that did not run: two attacks on the same images of one model, exact tests of paired_tests.h
//   about a temperature   only from several trainings: Welch's interval, or a trend over all temperatures (trainings.h). One training at
//                         each of two temperatures decides nothing; the interval for other images is then named as such.
//
// Level: 0.05 for each claim, uncorrected. The study with eight seeds is apps/analysis/README.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kelvin {

enum class ClaimVerdict { supported, contradicted, not_decided, not_measured };

struct Claim {
  std::string key;    // "step-size", "direction", "distances", "corruptions", "untargeted", "targeted", "clean"
  std::string claim;  // what is claimed, a sentence
  ClaimVerdict verdict = ClaimVerdict::not_measured;
  std::string figure = {};       // what was measured, in numbers
  std::string size = {};         // of the effect
  std::string uncertainty = {};  // of that size, and over what it was taken
  std::string reason = {};       // the verdict in words, with its limits; of what was not measured, what measures it
};

// `runs`: those of a report, [{"name": ..., "results": {name: result}}]. The seven claims, always all, in this order. Never throws for
// results of a form that it does not know: they count as not measured.
[[nodiscard]] std::vector<Claim> claims_of(const nlohmann::json& runs);

[[nodiscard]] const char* name_of(
    ClaimVerdict verdict);  // "supported", "contradicted", "not decided by these runs", "not measured"
[[nodiscard]] nlohmann::json to_json(const std::vector<Claim>& claims);
// For a terminal: the claims that were measured, a paragraph each.
[[nodiscard]] std::string text_of(const std::vector<Claim>& claims);

}  // namespace kelvin
