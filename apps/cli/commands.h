// The subcommands, one file each. `add_NAME` declares the flags of `kelvin NAME` and its work.
#pragma once

#include "apps/cli/common.h"

namespace CLI {
class App;
}

namespace kelvin {

void add_quickstart(CLI::App& app, CommonOptions& common);
void add_train(CLI::App& app, CommonOptions& common);
void add_evaluate(CLI::App& app, CommonOptions& common);
void add_corrupt(CLI::App& app, CommonOptions& common);
void add_attack(CLI::App& app, CommonOptions& common);
void add_audit(CLI::App& app, CommonOptions& common);
void add_geometry(CLI::App& app, CommonOptions& common);
void add_gradients(CLI::App& app, CommonOptions& common);
void add_sweep(CLI::App& app, CommonOptions& common);
void add_sweep_cell(CLI::App& app, CommonOptions& common);        // added by add_sweep
void add_predict(CLI::App& app, CommonOptions& common);
void add_weights(CLI::App& app, CommonOptions& common);
void add_weights_fetch(CLI::App& parent, CommonOptions& common);  // added by add_weights
void add_explore(CLI::App& app, CommonOptions& common);
void add_report(CLI::App& app, CommonOptions& common);
void add_learn(CLI::App& app, CommonOptions& common);
void add_data(CLI::App& app, CommonOptions& common);
void add_bench(CLI::App& app, CommonOptions& common);

}  // namespace kelvin
