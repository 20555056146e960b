#include "apps/training/choose_temperature.h"

#include <algorithm>

#include "engine/input_file.h"

namespace kelvin {
namespace {

using Entry = SearchRung::Entry;

class Searcher {
 public:
  Searcher(const TrainOptions& options, const Dataset& data, const std::filesystem::path& folder, Device device,
           const TrainProgress& progress)
      : options_(options), data_(data), folder_(folder), device_(device), progress_(progress) {
    data_.test = data_.test.select({});  // the choice must not use it
  }

  std::vector<Entry> trained(const std::vector<Candidate>& candidates, int epochs, const std::string& rung) const {
    std::vector<Entry> entries;
    for (const Candidate& c : candidates) {
      TrainOptions o = options_;
      o.tau.start = o.tau.end = c.tau;
      o.lr.base = c.lr;
      o.epochs = epochs;
      o.flags.clear();
      o.tensorboard.clear();
      o.on_ready = {};
      const RunFolder run{folder_ / rung / str("tau-", c.tau, "-lr-", c.lr)};
      run.create();
      o.resume = is_there(run.checkpoint());
      const TrainReport report =
          train(o, data_, run, device_, [&](std::int64_t done, std::int64_t total, const std::string& note) {
            if (progress_) progress_(done, total, str(rung, ", tau ", c.tau, ", lr ", c.lr, ", ", note));
          });
      const bool diverged = report.divergence.has_value() || !report.last || !report.last->validation;
      entries.push_back({c, diverged ? 0 : report.last->validation->accuracy, diverged});
    }
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return a.diverged != b.diverged ? b.diverged : a.accuracy > b.accuracy;
    });
    return entries;
  }

 private:
  const TrainOptions& options_;
  Dataset data_;
  std::filesystem::path folder_;
  Device device_;
  const TrainProgress& progress_;
};

Json to_json(const Entry& e) {
  return {{"tau", e.candidate.tau}, {"lr", e.candidate.lr}, {"accuracy", e.accuracy}, {"diverged", e.diverged}};
}

bool is_same(const Candidate& a, const Candidate& b) { return a.tau == b.tau && a.lr == b.lr; }

}  // namespace

double Search::regret() const {
  for (const Entry& e : grid)
    if (is_same(e.candidate, chosen)) return grid.front().accuracy - e.accuracy;
  return 0;
}

std::vector<std::pair<int, int>> halving_rungs(int candidates, int epochs, int eta) {
  std::vector<int> counts;
  for (int n = candidates; n > 1; n = (n + eta - 1) / eta) counts.push_back(n);
  std::vector<std::pair<int, int>> rungs;
  for (std::size_t r = 0; r < counts.size(); ++r) {
    int shorter = epochs;
    for (std::size_t k = r; k < counts.size(); ++k) shorter /= eta;
    // A rung as long as the one before would repeat it.
    const int longer = rungs.empty() ? std::max(1, shorter) : std::max(shorter, rungs.back().first + 1);
    if (longer > epochs) break;
    rungs.emplace_back(longer, counts[r]);
  }
  return rungs;
}

Search choose_temperature(const TrainOptions& options, const SearchOptions& search, const Dataset& data,
                          const std::filesystem::path& folder, Device device, const TrainProgress& progress) {
  KELVIN_CHECK(!search.candidates.empty() && data.validation.count > 0,
               "a search needs candidates and a held-out split");
  const Searcher searcher(options, data, folder, device, progress);
  const int n = static_cast<int>(search.candidates.size());
  Search result;
  result.grid_epochs = n * options.epochs;
  std::vector<Candidate> left = search.candidates;
  for (const auto& [epochs, count] : halving_rungs(n, options.epochs, search.eta)) {
    SearchRung rung{epochs, searcher.trained(left, epochs, str("rung-", result.rungs.size()))};
    if (rung.entries.front().diverged)
      throw mistake("tau"_field, " auto: every candidate diverged after ", epochs, " epochs; try a smaller ",
                    "lr"_field, " or a larger temperature");
    result.epochs_trained += epochs * static_cast<int>(left.size());
    left.clear();
    const std::size_t kept =
        (rung.entries.size() + static_cast<std::size_t>(search.eta) - 1) / static_cast<std::size_t>(search.eta);
    for (const Entry& e : rung.entries)
      if (left.size() < kept && !e.diverged) left.push_back(e.candidate);
    result.rungs.push_back(std::move(rung));
  }
  result.chosen = left.front();
  if (search.measures_regret) result.grid = searcher.trained(search.candidates, options.epochs, "full");
  return result;
}

Json to_json(const Search& s) {
  Json json = {{"tau", s.chosen.tau},
               {"lr", s.chosen.lr},
               {"epochs_trained", s.epochs_trained},
               {"grid_epochs", s.grid_epochs},
               {"rungs", Json::array()}};
  for (const SearchRung& rung : s.rungs) {
    Json entries = Json::array();
    for (const Entry& e : rung.entries) entries.push_back(to_json(e));
    json["rungs"].push_back({{"epochs", rung.epochs}, {"candidates", entries}});
  }
  if (!s.grid.empty()) {
    json["regret"] = s.regret();
    for (const Entry& e : s.grid) json["grid"].push_back(to_json(e));
  }
  return json;
}

}  // namespace kelvin
