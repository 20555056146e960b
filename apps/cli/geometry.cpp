// kelvin geometry
#include "apps/cli/commands.h"
#include "apps/report/results.h"

namespace kelvin {
namespace {

void run(const TargetOptions& options, const CommonOptions& common) {
  const Target target = open_target(options, common);
  const Geometry g = measure_geometry(*target.trained.model, target.data.test, options.batch_size);
  const Json json = to_json(g, target.trained.info.train_tau);
  target.save("geometry", json);
  print_result(
      common,
      str("distances to the negative prototypes: mean ", number(g.mean_distance), ", variance ",
          number(g.mean_distance_variance), "\nscale-free: coefficient of variation ",
          number(g.coefficient_of_variation), ", of normalised vectors ", number(g.cosine_coefficient_of_variation),
          "\nfeature norm ", number(g.feature_norm), ", prototype norm ", number(g.prototype_norm),
          ", mean prototype cosine ", number(g.prototype_cosine), " on ", g.n, " images\n"),
      json);
}

}  // namespace

void add_geometry(CLI::App& app, CommonOptions& common) {
  auto target = std::make_shared<TargetOptions>();
  CLI::App* const c = add_command(app, common, "geometry", "Distances from features to the negative class prototypes",
                                  "  kelvin geometry runs/tau50\n  kelvin geometry runs/tau50 --limit 1000 --json",
                                  [target, &common] { run(*target, common); });
  add_target_options(*c, *target);
}

}  // namespace kelvin
