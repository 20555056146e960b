// The table of a sweep: one row for each cell (and logit scale) with mean ± deviation over seeds, compared with the baseline row on the same
// images.
//
// Columns: clean, corrupted; paper-faithful: PGD on float32 cross-entropy at attack τ = 1 and C&W (PGD on the margin); sound: PGD on
// log-odds and at the training τ, and the per-image minimum of all four; worst case: that minimum with the strongest requested attack on the
// remaining images; masking gap: PGD at τ = 1 minus the worst case, on the worst case's images, or minus the sound minimum if no worst case
// was measured; then figures that explain it.
#pragma once

#include <map>
#include <optional>

#include "apps/sweep/grid.h"
#include "apps/sweep/measures.h"
#include "apps/sweep/statistics.h"

namespace kelvin {

struct SweepColumn {
  const char* key;
  std::string title;
  bool is_percent;
};
// All columns in the order of the table.
[[nodiscard]] const std::vector<SweepColumn>& sweep_columns();

// The figures of one folder at one logit scale.
struct CellFigures {
  enum class Status { done, diverged, failed, missing } status = Status::missing;
  std::string detail;                    // "at step 40", or the error
  std::map<std::string, double> values;  // by column key
  // By column key, for columns that are shares of images: the value of each image, 0 or 1 (for corruptions, the number of corruptions under
  // which it is classified correctly). Two cells with the same number of images are compared image by image.
  std::map<std::string, std::vector<double>> images;
};
[[nodiscard]] CellFigures read_figures(const RunFolder& folder, double logit_scale);

struct Comparison {
  double p = 1;                       // of all seeds together (clustered_mcnemar_p)
  double p_holm = 1;                  // adjusted for the rows of the column
  std::int64_t wins = 0, losses = 0;  // pairs where only this row, only the baseline is correct
  std::vector<double> p_of_seed;      // mcnemar_mid_p of each seed; empty for corruptions, whose pairs are clustered
};

struct SweepRow {
  std::string label;
  std::string group;                // Cell::group
  std::vector<std::string> values;  // on each axis
  double logit_scale = 1;
  std::vector<std::uint64_t> seeds;
  std::vector<CellFigures> cells;  // one for each seed
  std::map<std::string, MeanDeviation> figures;
  std::map<std::string, Comparison> comparisons;  // empty in the baseline row and without a baseline
  std::string baseline;                           // label of the row that it is compared with
  bool is_baseline = false;
};

struct SweepTable {
  std::string title;
  std::vector<std::string> axes;
  std::vector<SweepColumn> columns;  // those that some row has
  std::vector<SweepRow> rows;
  std::string gap_to =
      "worst case";  // what `masking_gap` subtracts from PGD at τ = 1: the worst case or the sound minimum
};

// The baseline of a row is the row with value `value` on `axis` and the same values on the others.
struct Baseline {
  std::string axis, value;
};

[[nodiscard]] SweepTable make_table(const std::string& title, const std::vector<Axis>& axes,
                                    const std::vector<Cell>& cells, const std::filesystem::path& out,
                                    const std::optional<Baseline>& baseline);

[[nodiscard]] std::string text_of(const SweepTable& table);  // for a terminal, with a legend
[[nodiscard]] std::string csv_of(const SweepTable& table);
[[nodiscard]] Json to_json(const SweepTable& table);
// A summary of the table's numbers in a few sentences.
[[nodiscard]] std::string reading_of(const SweepTable& table);

}  // namespace kelvin
