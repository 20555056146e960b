// The table of a sweep: one row for each cell (and logit scale) with mean ± deviation over seeds, compared with the baseline row: over seeds
// (inference.h), and on the same images (statistics.h).
//
// Columns: clean, corrupted; paper-faithful: PGD on float32 cross-entropy at attack τ = 1, and PGD on the margin of C&W; sound: PGD on
// log-odds and at the training τ, and the per-image minimum of all but the first; worst case: the minimum of all with the strongest requested
// attack on the remaining images; attack gap: PGD at attack τ = 1 minus the worst case, or minus the sound minimum if no worst case was
// measured; then figures that explain it. The attack columns of a cell count the same images: the first ones, which all of its attacks have.
#pragma once

#include <map>
#include <optional>

#include "apps/report/terminal.h"
#include "apps/sweep/grid.h"
#include "apps/sweep/inference.h"
#include "apps/sweep/measures.h"
#include "apps/sweep/statistics.h"

namespace kelvin {

struct SweepColumn {
  const char* key;
  std::string title;
  bool is_percent;
  const char* old_key = "";  // a former key, which JSON and CSV hold as well
};
// All columns in the order of the table.
[[nodiscard]] const std::vector<SweepColumn>& sweep_columns();

// The figures of one folder at one logit scale.
struct CellFigures {
  enum class Status { done, diverged, failed, missing } status = Status::missing;
  std::string detail;                    // "at step 40", or the error, or why it has not converged
  bool has_converged = true;             // apps/training/convergence.h; true for trainings that were not judged
  std::map<std::string, double> values;  // by column key
  // By column key, for columns that are shares of images: the value of each image, 0 or 1, or of several trials (corruptions) the number of those
  // in which it is classified correctly. Two cells with the same number of images are compared image by image.
  std::map<std::string, std::vector<double>> images;
  std::map<std::string, double> trials;  // by column key: how often an image was tried; absent: once
  std::size_t attacked = 0;              // images that the attack columns count
};
[[nodiscard]] CellFigures read_figures(const RunFolder& folder, double logit_scale);

// On the same images, for the models that were trained: it says nothing about other trainings.
struct Comparison {
  double p = 1;                       // of all seeds together (clustered_mcnemar_p)
  double p_holm = 1;                  // adjusted for the rows of the column
  std::int64_t wins = 0, losses = 0;  // pairs where only this row, only the baseline is correct
  std::vector<double> p_of_seed;      // mcnemar_mid_p of each seed; empty for corruptions, whose pairs are clustered
};

// Over seeds: row − baseline of the same seed.
struct SeedDifference {
  PairedT test;
  Interval interval;  // for other seeds and other images (crossed_interval); test.interval without flags of images
  bool is_crossed = false;     // the first of the two
  std::optional<double> tost;  // equivalence_p, for columns in percent
  // Of the declared contrasts (SweepTable::family): p adjusted for the whole family, and what follows from it and from `tost`.
  std::optional<double> p_holm;
  std::string
      verdict;  // "differs", "equivalent", "differs, within margin", "not decided"; "identical" if no image differs
};

struct SweepRow {
  std::string label;
  std::string group;                // Cell::group
  std::vector<std::string> values;  // on each axis
  double logit_scale = 1;
  std::vector<std::uint64_t> seeds;
  std::vector<CellFigures> cells;  // one for each seed
  std::map<std::string, MeanDeviation> figures;
  // By column key; both empty in the baseline row and without a baseline. Differences need two seeds that both rows have.
  std::map<std::string, Comparison> comparisons;
  std::map<std::string, SeedDifference> differences;
  std::string baseline;  // label of the row that it is compared with
  bool is_baseline = false;
};

// The declared contrasts: every row against its baseline in these columns. Other columns are exploratory.
struct Family {
  std::vector<std::string> columns;  // keys; empty: clean, corrupted, pgd_log_odds, and worst_case or else sound
  double margin = 0.02;              // of the equivalence test, for columns in percent
};
void check_family(const std::vector<std::string>& columns);  // throws a mistake: unknown, or twice

struct SweepTable {
  std::string title;
  std::vector<std::string> axes;
  std::vector<SweepColumn> columns;  // those that some row has
  std::vector<SweepRow> rows;
  std::string gap_to = "worst case";    // what the attack gap subtracts: the worst case or the sound minimum
  Family family;                        // its columns: those that the table has
  std::vector<std::string> unmeasured;  // declared columns that it does not have
};
[[nodiscard]] const SweepColumn& column_of(const SweepTable& table, const std::string& key);

// The baseline of a row is the row with value `value` on `axis` and the same values on the others.
struct Baseline {
  std::string axis, value;
};

[[nodiscard]] SweepTable make_table(const std::string& title, const std::vector<Axis>& axes,
                                    const std::vector<Cell>& cells, const std::filesystem::path& out,
                                    const std::optional<Baseline>& baseline, const Family& family = {});

// For people: table, legend, differences. `columns`: the width that tables are folded to.
[[nodiscard]] std::string text_of(const SweepTable& table, std::size_t columns = terminal_columns());
[[nodiscard]] std::string csv_of(const SweepTable& table);
[[nodiscard]] std::string cells_csv_of(const SweepTable& table);  // a line for each cell: the raw figures
[[nodiscard]] Json to_json(const SweepTable& table);
// A summary of the table's numbers in a few sentences.
[[nodiscard]] std::string reading_of(const SweepTable& table);

}  // namespace kelvin
