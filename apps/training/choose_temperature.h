// `train --tau auto`: the temperature (and learning rate) by successive halving on a held-out split of the training set.
//
// Rung 0 trains every candidate for max(1, ⌊E / η^R⌋) epochs, the next the best 1/η of them for η times as long, and so on; E is the
// number of epochs of the full training, and R the smallest number of rungs after which one candidate is left. Where E is too small
// for that, a rung is an epoch longer than the one before it, or left out where E allows no more. Each rung is a complete short
// training from the same initialisation, its learning rate falling to the schedule's end: candidates are compared as they would be
// used. A diverged candidate is out. Ties go to the candidate that comes first. (Jamieson & Talwalkar 2016, 1502.07943.)
//
// The regret is what was lost by not training all candidates in full: the best validation accuracy of the full grid minus that of the
// chosen one, both trained for E epochs without the held-out images. The test set is never looked at. Deterministic by seed.
#pragma once

#include "apps/training/train.h"

namespace kelvin {

struct Candidate {
  double tau = 1, lr = 0.1;
};

struct SearchOptions {
  std::vector<Candidate> candidates;  // at least one
  int eta = 3;                        // keep one of η, train η times as long
  bool measures_regret = false;       // trains every candidate in full as well
};

struct SearchRung {
  int epochs = 0;
  struct Entry {
    Candidate candidate;
    double accuracy = 0;  // on the held-out split; 0 when it diverged
    bool diverged = false;
  };
  std::vector<Entry> entries;  // best first
};

struct Search {
  Candidate chosen;
  std::vector<SearchRung> rungs;
  int epochs_trained = 0;               // by the rungs together: what the choice cost
  int grid_epochs = 0;                  // what the full grid would have cost
  std::vector<SearchRung::Entry> grid;  // every candidate in full, best first; empty unless the regret was asked for
  [[nodiscard]] double regret() const;  // 0 without a grid
};

// Epochs and number of candidates of each rung, without the full training.
[[nodiscard]] std::vector<std::pair<int, int>> halving_rungs(int candidates, int epochs, int eta);

// `data` holds a validation split. Run folders go to `folder`/rung-R/tau-T-lr-L; those of an earlier call that was killed, with the same
// options and data, are continued and end with the same bits. Throws a mistake when every candidate diverged.
[[nodiscard]] Search choose_temperature(const TrainOptions& options, const SearchOptions& search, const Dataset& data,
                                        const std::filesystem::path& folder, Device device,
                                        const TrainProgress& progress);

[[nodiscard]] Json to_json(const Search& search);

}  // namespace kelvin
