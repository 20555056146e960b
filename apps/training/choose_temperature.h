// `train --tau auto`: the temperature (and learning rate) by successive halving on a held-out split of the training set.
//
// Rung 0 trains every candidate for max(1, ⌊E / η^R⌋) epochs, the next rung the best 1/η of them for η times as long, and so on. E is the
// number of epochs of the full training, and R the smallest number of rungs after which one candidate is left. If E is too small for
// that, a rung is one epoch longer than the one before it, or left out if it would be longer than E. Each rung is a complete short training
// from the same initialisation, and its learning rate falls to the end of the schedule: candidates are compared as they would be used. A
// diverged candidate is dropped. Of equal candidates the first wins. (Jamieson & Talwalkar 2016, 1502.07943.)
//
// The regret is the loss from not training all candidates in full: the best validation accuracy of the full grid minus that of the chosen
// candidate, both trained for E epochs without the held-out images. The test set is never used. Deterministic by seed.
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
  int epochs_trained = 0;               // of all rungs together: the cost of the choice
  int grid_epochs = 0;                  // what the full grid would have cost
  std::vector<SearchRung::Entry> grid;  // every candidate in full, best first; empty unless the regret was asked for
  [[nodiscard]] double regret() const;  // 0 without a grid
};

// Epochs and number of candidates of each rung, without the full training.
[[nodiscard]] std::vector<std::pair<int, int>> halving_rungs(int candidates, int epochs, int eta);

// `data` holds a validation split. Run folders are `folder`/rung-R/tau-T-lr-L. Those of an earlier call with the same options and data that
// was killed are continued and end with the same bits. Throws a mistake if every candidate diverged.
[[nodiscard]] Search choose_temperature(const TrainOptions& options, const SearchOptions& search, const Dataset& data,
                                        const std::filesystem::path& folder, Device device,
                                        const TrainProgress& progress);

[[nodiscard]] Json to_json(const Search& search);

}  // namespace kelvin
