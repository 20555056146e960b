// kelvin geometry
#include "apps/analysis/geometry.h"

#include "apps/cli/commands.h"
#include "apps/cli/study.h"
#include "apps/cli/subcommand.h"
#include "apps/report/text_table.h"

namespace kelvin {
namespace {

std::string four_digits(const Json& value) { return value.is_number() ? number(value.get<double>(), 4) : "–"; }

std::string sentences(const Json& g) {
  const Json& rank = g["feature_rank"];
  std::string text =
      str("distances to the negative prototypes: mean ", four_digits(g["mean_distance"]), ", variance ",
          four_digits(g["mean_distance_variance"]), "\ncoefficient of variation ",
          four_digits(g["coefficient_of_variation"]), " (depends on the size of the last layer), of normalised vectors ",
          four_digits(g["cosine_coefficient_of_variation"]), "\nfeature norm ", four_digits(g["feature_norm"]),
          ", prototype norm ", four_digits(g["prototype_norm"]), " (spread ", four_digits(g["prototype_norm_spread"]),
          "), mean prototype cosine ", four_digits(g["prototype_cosine"]), " (mean distance from the simplex's ",
          four_digits(g["prototype_cosine_deviation"]), ")\n");
  if (const Json& c = g["collapse"]; c.is_object())
    text += str(
        "neural collapse (Papyan, Han & Donoho 2020, 2008.08186; NC1 to NC3 are 0 there): NC1 within/between scatter ",
        four_digits(c["within_between"]), ", NC2 class-mean norms spread ", four_digits(c["class_mean_norm_spread"]),
        ", their cosines off the simplex by ", four_digits(c["class_mean_cosine_deviation"]),
        ", NC3 prototypes off the class means by ", four_digits(c["class_mean_alignment"]),
        ", NC4 nearest class mean agrees with the prediction on ", percent(c["nearest_centre_agreement"].get<double>()),
        "\n");
  return text + str("feature rank: ", rank["numerical"].get<std::int64_t>(), " of ",
                    rank["dimension"].get<std::int64_t>(), " dimensions by singular values that float32 tells from 0, ",
                    rank["one_percent"].get<std::int64_t>(), " by those above 1 % of the largest, effective ",
                    four_digits(rank["effective"]), ", stable ", four_digits(rank["stable"]), "; on ",
                    g["n"].get<std::int64_t>(), " images (", g["split"].get<std::string>(), ")\n");
}

std::string curve(const Json& checkpoints) {
  TextTable table(
      {"epoch", "variance", "CV", "CV, unit vectors", "NC1 within/between", "NC3 alignment", "effective rank"});
  for (const Json& g : checkpoints) {
    const Json& c = g["collapse"];
    table.add({str(g["epoch"].get<int>()), four_digits(g["mean_distance_variance"]),
               four_digits(g["coefficient_of_variation"]), four_digits(g["cosine_coefficient_of_variation"]),
               c.is_object() ? four_digits(c["within_between"]) : "–",
               c.is_object() ? four_digits(c["class_mean_alignment"]) : "–",
               four_digits(g["feature_rank"]["effective"])});
  }
  return table.str();
}

void run(const StudyOptions& o, const CommonOptions& common) {
  run_study(
      o, common, "geometry", "",
      [&](const Target& target, Model& model, const RunInfo& info) {
        return to_json(measure_geometry(model, target.data.test, o.target.batch_size), info.train_tau);
      },
      [&](const Json& json) { return o.across_training ? curve(json["checkpoints"]) : sentences(json); });
}

}  // namespace

void add_geometry(CLI::App& app, CommonOptions& common) {
  auto o = std::make_shared<StudyOptions>();
  CLI::App* const c =
      add_command(app, common, "geometry", "Distances to the negative prototypes, neural collapse, feature rank",
                  "  kelvin geometry runs/tau50\n  kelvin geometry runs/tau50 --limit 1000 --json\n"
                  "  kelvin geometry runs/tau50 --split train --limit 5000\n"
                  "  kelvin geometry runs/tau50 --across-training",
                  [o, &common] { run(*o, common); });
  add_study_options(*c, *o);
}

}  // namespace kelvin
