// The search for the largest learning rate that converges, with made tables in the place of trainings.
#include <gmock/gmock.h>

#include "apps/sweep/bisection.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;
using Status = CellFigures::Status;

SweepPlan plan_of(const std::string& rates) {
  SweepPlan plan;
  plan.axes = {parse_axis("tau=0.1,10"), parse_axis("lr=" + rates)};
  plan.seeds = {0, 1};
  plan.bisected = "lr";
  return plan;
}

// A training converges below limit · τ^0.5; the second seed of a larger one diverges, or only does not converge if `is_quiet`.
SweepTable table_of(const std::vector<Cell>& cells, double limit, bool is_quiet) {
  SweepTable table;
  for (std::size_t i = 0; i < cells.size(); i += 2) {
    SweepRow row;
    row.values = cells[i].values;
    row.cells.resize(2);
    for (CellFigures& cell : row.cells) cell.status = Status::done;
    const double rate = std::stod(row.values[1]);
    if (rate > limit * std::sqrt(std::stod(row.values[0]))) {
      row.cells[1].status = is_quiet ? Status::done : Status::diverged;
      row.cells[1].has_converged = false;
    }
    table.rows.push_back(row);
  }
  return table;
}

std::vector<Bracket> search(const SweepPlan& plan, double limit, bool is_quiet, std::size_t* rounds = nullptr) {
  std::vector<Cell> cells = expand(plan.axes, plan.train, plan.seeds);
  for (std::size_t round = 1; round < 40; ++round) {
    const std::vector<Bracket> brackets = brackets_of(plan, table_of(cells, limit, is_quiet));
    const std::vector<Cell> more = next_cells(plan, brackets);
    if (rounds != nullptr) *rounds = round;
    if (more.empty()) return brackets;
    cells.insert(cells.end(), more.begin(), more.end());
    cells = in_order(plan, std::move(cells));
  }
  ADD_FAILURE() << "the search does not end";
  return {};
}

TEST(SweepBisection, BracketsTheLimitFromBothSides) {
  for (const double limit : {0.003, 0.1, 70.0})
    for (const bool is_quiet : {false, true}) {
      std::size_t rounds = 0;
      const std::vector<Bracket> brackets = search(plan_of("0.1"), limit, is_quiet, &rounds);
      ASSERT_EQ(brackets.size(), 2u);
      EXPECT_LE(rounds, 12u) << limit;
      for (const Bracket& b : brackets) {
        const double here = limit * std::sqrt(std::stod(b.values[0]));
        ASSERT_TRUE(b.converges && b.fails) << limit;
        EXPECT_LE(*b.converges, here);
        EXPECT_GT(*b.fails, here);
        EXPECT_LE(*b.fails / *b.converges, kBisectionFactor * 1.001);  // values are rounded to four digits
      }
    }
}

TEST(SweepBisection, ReadingComparesWithTau) {
  const SweepPlan plan = plan_of("0.01,1");
  const std::string text = text_of(plan, search(plan, 0.3, false));
  EXPECT_THAT(text, HasSubstr("tau 0.1: converges at"));
  EXPECT_THAT(text, HasSubstr("differs by a factor of"));  // of about 10^0.5 · 10^0.5 = 10
  SweepPlan times = plan;
  times.train = {{"lr-times-tau", "true"}};
  const std::vector<Bracket> one = {{.values = {"10"}, .converges = 0.4, .fails = 0.5, .next = {}}};
  EXPECT_THAT(text_of(plan, one), HasSubstr("learning rates 0.4 and 0.5, over tau 0.04 and 0.05"));
  EXPECT_THAT(text_of(times, one), HasSubstr("learning rates 4 and 5, over tau 0.4 and 0.5"));
}

TEST(SweepBisection, EndsWhereNothingConvergesOrEverythingDoes) {
  for (const Bracket& b : search(plan_of("0.1"), 0, false)) EXPECT_FALSE(b.converges);
  for (const Bracket& b : search(plan_of("0.1"), 1e30, false)) EXPECT_FALSE(b.fails);
}

TEST(SweepBisection, AFailedCellEndsTheSearchOfItsSetting) {
  const SweepPlan plan = plan_of("0.1");
  SweepTable table = table_of(expand(plan.axes, plan.train, plan.seeds), 1, false);
  table.rows[0].cells[0].status = Status::failed;
  const std::vector<Bracket> brackets = brackets_of(plan, table);
  const std::vector<Cell> more = next_cells(plan, brackets);
  ASSERT_EQ(more.size(), 2u);
  EXPECT_EQ(more[0].values[0], "10");
  EXPECT_EQ(more[0].name, "tau-10_lr-0.4_seed-0");
}

TEST(SweepBisection, Mistakes) {
  SweepPlan plan = plan_of("0.1,-1");
  EXPECT_THAT(mistake_of([&] { check_bisection(plan); }), HasSubstr("must be positive numbers, got -1"));
  plan.bisected = "momentum";
  EXPECT_THAT(mistake_of([&] { check_bisection(plan); }), HasSubstr("no axis of that name"));
}

}  // namespace
}  // namespace kelvin
