// The sweep's parts: grids, statistics against values from elsewhere, locks, workers that share a list, successive halving.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmath>
#include <fstream>

#include "apps/run/run_lock.h"
#include "apps/sweep/choice.h"
#include "apps/sweep/gpus.h"
#include "apps/sweep/workers.h"
#include "apps/training/choose_temperature.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::mistake_of;
using testing::TemporaryFolder;

TEST(SweepGrid, CellsAreTheProductInOrder) {
  const std::vector<Cell> cells =
      expand({parse_axis("tau=1,50"), parse_axis("lr-times-tau=false,true")}, {{"lr", "0.1"}, {"tau", "7"}}, {0, 3});
  ASSERT_EQ(cells.size(), 8u);
  EXPECT_EQ(cells[0].name, "tau-1_lr-times-tau-false_seed-0");
  EXPECT_EQ(cells[1].name, "tau-1_lr-times-tau-false_seed-3");
  EXPECT_EQ(cells[7].label, "tau 50, lr-times-tau true");
  EXPECT_THAT(arguments_of(cells[0].flags), ElementsAre("--lr=0.1", "--tau=1", "--seed=0"));  // false: left out
  EXPECT_THAT(arguments_of(cells[7].flags), ElementsAre("--lr=0.1", "--tau=50", "--lr-times-tau", "--seed=3"));
}

TEST(SweepGrid, ValuesWithCommasAndVariants) {
  const Axis data = parse_axis("data=synthetic:train=64,test=32;fashion-mnist");
  ASSERT_EQ(data.values.size(), 2u);
  EXPECT_EQ(data.values[0].flags[0], (Flag{"data", "synthetic:train=64,test=32"}));
  const AxisValue v = parse_variant("hot and fast: tau=50 lr=2 logit-scale=0.5");
  EXPECT_EQ(v.label, "hot and fast");
  EXPECT_THAT(v.flags, ElementsAre(Flag{"tau", "50"}, Flag{"lr", "2"}));
  EXPECT_THAT(v.logit_scales, ElementsAre(0.5));
  const std::vector<Cell> cells = expand({{"variant", {v}}}, {}, {1});
  EXPECT_EQ(cells[0].name, "hot-and-fast_seed-1");
}

TEST(SweepGrid, MistakesAreNamed) {
  EXPECT_THAT(mistake_of([] { (void)parse_axis("tau"); }), HasSubstr("FLAG=VALUE"));
  EXPECT_THAT(mistake_of([] { (void)parse_axis("tau=1,1"); }), HasSubstr("twice"));
  EXPECT_THAT(mistake_of([] { (void)parse_seeds("0,x"); }), HasSubstr("'x'"));
  EXPECT_THAT(mistake_of([] { (void)parse_seeds(""); }), HasSubstr("at least one"));
  EXPECT_THAT(mistake_of([] { (void)expand({parse_axis("lr=1/2,1-2")}, {}, {0}); }), HasSubstr("share the folder"));
  EXPECT_THAT(mistake_of([] { (void)parse_variant("tau=1"); }), HasSubstr("NAME: flag=value"));
  EXPECT_THAT(mistake_of([] { (void)preset("nothing"); }), HasSubstr("temperatures"));
  EXPECT_EQ(preset("paper").title, preset("temperatures").title);  // its former name
}

// A plan of two temperatures and three rates, and a table with the given mean accuracies; a negative one stands for a diverged seed.
SweepPlan plan_with_choice() {
  SweepPlan plan;
  plan.axes = {parse_axis("tau=1,50"), parse_axis("lr=0.1,0.3,1")};
  plan.train = {{"lr", "9"}, {"validation", "10"}};
  plan.choice = Choice{.axis = "lr", .seeds = {7, 8}};
  return plan;
}
SweepTable table_of_choice(const SweepPlan& plan, const std::vector<double>& accuracies) {
  SweepTable table;
  for (const Cell& cell : expand(plan.axes, plan.train, {7})) {
    SweepRow row;
    row.values = cell.values;
    row.cells.resize(2);
    const double accuracy = accuracies[table.rows.size()];
    row.figures["clean"] = {.mean = std::abs(accuracy), .deviation = 0, .n = accuracy < 0 ? 1 : 2};
    table.rows.push_back(row);
  }
  return table;
}

TEST(SweepChoice, TheBestValueOfEachSetting) {
  const SweepPlan plan = plan_with_choice(), choosing = choosing_plan(plan);
  EXPECT_TRUE(choosing.measure.held_out);
  EXPECT_THAT(choosing.seeds, ElementsAre(7, 8));
  EXPECT_EQ(choosing.axes.size(), 2u);
  // 0.95 and 0.99 are of rates that diverged with one of the seeds
  const std::vector<ChosenValue> choices = choose(plan, table_of_choice(plan, {.7, .8, -.95, .9, .9, -.99}));
  ASSERT_EQ(choices.size(), 2u);
  EXPECT_THAT(choices[0].values, ElementsAre("1"));
  EXPECT_EQ(choices[0].chosen.label, "0.3");
  EXPECT_FALSE(choices[0].is_at_edge);
  EXPECT_EQ(choices[1].chosen.label, "0.1");  // the first of equal ones
  EXPECT_TRUE(choices[1].is_at_edge);

  const std::vector<Cell> cells = chosen_cells(plan, choices);
  ASSERT_EQ(cells.size(), 2u);
  EXPECT_EQ(cells[0].name, "tau-1_seed-0");
  EXPECT_EQ(cells[1].label, "tau 50 (lr 0.1)");
  EXPECT_THAT(arguments_of(cells[0].flags), ElementsAre("--lr=0.3", "--validation=10", "--tau=1", "--seed=0"));
  EXPECT_EQ(other_axes(plan.axes, "lr").size(), 1u);
}

TEST(SweepChoice, ByRobustAccuracy) {
  SweepPlan plan = plan_with_choice();
  plan.choice->by = "pgd_log_odds";
  SweepTable table = table_of_choice(plan, {.7, .8, .9, .9, .8, .7});
  for (SweepRow& row : table.rows) {
    const double clean = row.figures["clean"].mean;
    row.figures["pgd_log_odds"] = {.mean = 1 - clean, .deviation = 0, .n = 2};
  }
  const std::vector<ChosenValue> choices = choose(plan, table);
  EXPECT_EQ(choices[0].chosen.label, "0.1");
  EXPECT_EQ(choices[1].chosen.label, "1");
  EXPECT_NEAR(choices[1].accuracy, 0.3, 1e-12);
}

TEST(SweepChoice, Mistakes) {
  SweepPlan plan = plan_with_choice();
  EXPECT_THAT(mistake_of([&] {
                (void)choose(plan, table_of_choice(plan, {.7, .8, .9, -.9, -.9, -.9}));
              }),
              HasSubstr("every value diverged"));
  plan.seeds = {3, 8};
  EXPECT_THAT(mistake_of([&] { (void)choosing_plan(plan); }), HasSubstr("seed 8"));
  plan.seeds = {3};
  plan.train = {};
  EXPECT_THAT(mistake_of([&] { (void)choosing_plan(plan); }), HasSubstr("images to choose on"));
  plan.choice->axis = "momentum";
  EXPECT_THAT(mistake_of([&] { (void)choosing_plan(plan); }), HasSubstr("no axis"));
}

TEST(SweepStatistics, MeanAndSampleDeviation) {
  const MeanDeviation m = mean_deviation({2, 4, 9});  // mean 5, squares 9 + 1 + 16 = 26, 26 / 2 = 13
  EXPECT_DOUBLE_EQ(m.mean, 5);
  EXPECT_DOUBLE_EQ(m.deviation, std::sqrt(13.0));
  EXPECT_TRUE(std::isnan(mean_deviation({2}).deviation));
}

// 2 binom.cdf(min − 1, b + c, 1/2) + binom.pmf(min, b + c, 1/2) of SciPy.
TEST(SweepStatistics, McNemarMidPAgainstSciPy) {
  EXPECT_NEAR(mcnemar_mid_p(10, 3), 0.05737304687499998, 1e-12);
  EXPECT_NEAR(mcnemar_mid_p(3, 10), 0.05737304687499998, 1e-12);
  EXPECT_NEAR(mcnemar_mid_p(25, 10), 0.011330984183587137, 1e-12);
  EXPECT_NEAR(mcnemar_mid_p(1, 0), 0.5, 1e-12);
  EXPECT_NEAR(mcnemar_mid_p(1200, 1100), 0.037074406338548485, 1e-9);  // 2^-2300 underflows
  EXPECT_EQ(mcnemar_mid_p(7, 7), 1);
  EXPECT_EQ(mcnemar_mid_p(0, 0), 1);
}

// One pair an image: chi2.sf((b − c)² / (b + c), 1) of SciPy.
TEST(SweepStatistics, ClusteredTestWithSinglePairsIsMcNemars) {
  const auto pairs = [](int b, int c) {
    std::vector<double> d(100, 0.0);
    for (int i = 0; i < b; ++i) d[static_cast<std::size_t>(i)] = 1;
    for (int i = b; i < b + c; ++i) d[static_cast<std::size_t>(i)] = -1;
    return d;
  };
  EXPECT_NEAR(clustered_mcnemar_p(pairs(25, 10)), 0.011229886652916672, 1e-12);
  EXPECT_NEAR(clustered_mcnemar_p(pairs(10, 3)), 0.0522036353413146, 1e-12);
  EXPECT_EQ(clustered_mcnemar_p(pairs(0, 0)), 1);
}

// The same pairs written down three times are no more evidence than once.
TEST(SweepStatistics, RepeatedPairsAreNoEvidence) {
  const std::vector<double> once = {1, 1, 1, 1, 1, -1, 0, 0}, thrice = {3, 3, 3, 3, 3, -3, 0, 0};
  EXPECT_NEAR(clustered_mcnemar_p(once), clustered_mcnemar_p(thrice), 1e-12);
}

TEST(SweepStatistics, Holm) {  // sorted .01 .02 .04: times 3, 2, 1
  const std::vector<double> adjusted = holm({0.04, 0.01, 0.02});
  EXPECT_DOUBLE_EQ(adjusted[1], 0.03);
  EXPECT_DOUBLE_EQ(adjusted[2], 0.04);
  EXPECT_DOUBLE_EQ(adjusted[0], 0.04);
  EXPECT_DOUBLE_EQ(holm({0.5, 0.9})[1], 1);
}

TEST(SweepLock, IsFreeOnceItsHolderIsKilled) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "cell.lock";
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t holder = fork();
  if (holder == 0) {
    const auto lock = FileLock::try_take(path);
    const char taken = lock ? 'y' : 'n';
    if (write(ready[1], &taken, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char taken = 0;
  ASSERT_EQ(read(ready[0], &taken, 1), 1);
  EXPECT_EQ(taken, 'y');
  EXPECT_FALSE(FileLock::try_take(path).has_value());
  kill(holder, SIGKILL);
  waitpid(holder, nullptr, 0);
  EXPECT_TRUE(FileLock::try_take(path).has_value());  // the file is still there; the lock is not
}

// Each of two processes runs the whole list; every job is run once.
TEST(SweepWorkers, TwoProcessesShareAList) {
  const TemporaryFolder folder;
  std::vector<Job> jobs;
  for (int i = 0; i < 6; ++i) {
    const std::string name = "job" + std::to_string(i);
    const std::filesystem::path done = folder / (name + ".done"), runs = folder / (name + ".runs");
    Job job;
    job.name = name;
    job.command = {"/bin/sh", "-c", "echo run >> " + runs.string() + "; sleep 0.1; touch " + done.string()};
    job.lock = folder / (name + ".lock");
    job.log = folder / (name + ".log");
    job.is_done = [done] { return std::filesystem::exists(done); };
    job.prepare = [] {};
    jobs.push_back(job);
  }
  const pid_t other = fork();
  if (other == 0) {
    run_jobs(jobs, std::vector<Worker>(2), [](const JobEvent&) {}, {});
    _exit(0);
  }
  int events = 0;
  run_jobs(jobs, std::vector<Worker>(1),
           [&](const JobEvent& e) { events += e.kind != JobEvent::Kind::started ? 1 : 0; }, {});
  int status = 0;
  waitpid(other, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(events, 6);
  for (const Job& job : jobs) {
    std::ifstream in(folder / (job.name + ".runs"));
    EXPECT_EQ(std::count(std::istreambuf_iterator<char>(in), {}, '\n'), 1) << job.name;
  }
}

TEST(SweepWorkers, AFailureIsReportedAndStopsNothing) {
  const TemporaryFolder folder;
  std::vector<Job> jobs(2);
  for (std::size_t i = 0; i < 2; ++i) {
    jobs[i].command = {"/bin/sh", "-c", i == 0 ? "echo what went wrong; exit 7" : "true"};
    jobs[i].lock = folder / ("lock" + std::to_string(i));
    jobs[i].log = folder / ("log" + std::to_string(i));
    jobs[i].is_done = [] { return false; };
    jobs[i].prepare = [] {};
  }
  std::vector<JobEvent> events;
  run_jobs(jobs, std::vector<Worker>(1),
           [&](const JobEvent& e) {
             if (e.kind != JobEvent::Kind::started) events.push_back(e);
           },
           {});
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].kind, JobEvent::Kind::failed);
  EXPECT_EQ(events[0].error, "what went wrong");
  EXPECT_EQ(events[1].kind, JobEvent::Kind::finished);
}

// Two workers, three jobs that meet: the GPU of each is that of its worker, among those that this process sees.
TEST(SweepWorkers, EachGivesItsJobsItsGpu) {
  const TemporaryFolder folder;
  std::vector<Job> jobs(3);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].command = {"/bin/sh", "-c", str("echo gpu=$CUDA_VISIBLE_DEVICES; ", i < 2 ? "sleep 0.3" : "true")};
    jobs[i].lock = folder / str("lock", i);
    jobs[i].log = folder / str("log", i);
    jobs[i].is_done = [] { return false; };
    jobs[i].prepare = [] {};
  }
  const auto seen = [&](const std::vector<std::string>& gpus, int first, int count) {
    run_jobs(jobs, workers_on(gpus, first, count), [](const JobEvent&) {}, {});
    std::vector<std::string> lines;
    for (const Job& job : jobs) {
      lines.push_back(last_line(job.log));
      std::filesystem::remove(job.log);
    }
    return lines;
  };
  unsetenv("CUDA_VISIBLE_DEVICES");
  EXPECT_EQ(seen(gpus_in("0,3"), 0, 3), (std::vector<std::string>{"gpu=0", "gpu=3", "gpu=0"}));
  EXPECT_EQ(seen(gpus_in("0,3"), 1, 2)[1], "gpu=0");  // of a second rank with two jobs at a time
  EXPECT_EQ(seen({}, 0, 3)[2], "gpu=");
  EXPECT_EQ(gpu_of_rank(2), (std::vector<std::string>{"2"}));
  setenv("CUDA_VISIBLE_DEVICES", "4,MIG-1", 1);
  EXPECT_EQ(seen(gpus_in("1"), 0, 3), (std::vector<std::string>{"gpu=MIG-1", "gpu=MIG-1", "gpu=MIG-1"}));
  EXPECT_EQ(gpu_of_rank(2), (std::vector<std::string>{"4"}));
  EXPECT_THAT(mistake_of([] { (void)gpus_in("2"); }), HasSubstr("CUDA_VISIBLE_DEVICES leaves 2 GPUs"));
  setenv("CUDA_VISIBLE_DEVICES", "", 1);
  EXPECT_TRUE(gpu_of_rank(0).empty());
  unsetenv("CUDA_VISIBLE_DEVICES");
}

TEST(ChooseTemperature, Rungs) {
  using R = std::pair<int, int>;  // epochs, candidates
  EXPECT_THAT(halving_rungs(8, 9, 3), ElementsAre(R{1, 8}, R{3, 3}));
  EXPECT_THAT(halving_rungs(8, 16, 2), ElementsAre(R{2, 8}, R{4, 4}, R{8, 2}));
  EXPECT_THAT(halving_rungs(8, 3, 3), ElementsAre(R{1, 8}, R{2, 3}));
  EXPECT_THAT(halving_rungs(8, 1, 3), ElementsAre(R{1, 8}));
  EXPECT_TRUE(halving_rungs(1, 9, 3).empty());
}

// A cell's folder may come from another user: nothing is written through links in it, and a FIFO does not block the sweep.
TEST(SweepWorkers, ALogIsAFileOfItsOwn) {
  const TemporaryFolder folder;
  const auto log = folder / "log.txt";
  const std::vector<Job> jobs = {{.name = "a",
                                  .command = {"/bin/echo", "text"},
                                  .lock = folder / "a.lock",
                                  .log = log,
                                  .is_done = [] { return false; },
                                  .prepare = [] {}}};
  const auto run = [&] { run_jobs(jobs, std::vector<Worker>(1), [](const JobEvent&) {}, {}); };
  std::ofstream(folder / "mine") << "mine";
  for (const bool is_hard : {false, true}) {
    is_hard ? std::filesystem::create_hard_link(folder / "mine", log)
            : std::filesystem::create_symlink(folder / "mine", log);
    EXPECT_EQ(mistake_of(run), log.string() + ": is a link or a device, not a log of this sweep; remove it");
    EXPECT_EQ(testing::read_text(folder / "mine"), "mine");
    std::filesystem::remove(log);
  }
  ASSERT_EQ(mkfifo(log.c_str(), 0600), 0);
  EXPECT_THAT(mistake_of(run), HasSubstr("is a link or a device"));
  EXPECT_EQ(last_line(log), "");
  std::filesystem::remove(log);
  run();
  EXPECT_EQ(last_line(log), "text");
  std::ofstream(log) << std::string(10'000, 'x') << "\nlast\n\n";
  EXPECT_EQ(last_line(log), "last");
}

// A learning rate of 0 learns nothing, so the search must end at the other, whatever the order; twice the same.
TEST(ChooseTemperature, FindsTheCandidateThatLearns) {
  const TemporaryFolder folder;
  const Dataset data = load_dataset("synthetic:train=512,test=50,size=8,classes=4", {.validation = 100, .seed = 1});
  TrainOptions o;
  o.model = "mlp";
  o.epochs = 6;
  o.batch_size = 32;
  SearchOptions s;
  s.eta = 2;
  s.candidates = {{1, 0}, {50, 0}, {1, 0.05}, {0.5, 0}};
  s.measures_regret = true;
  const Search first = choose_temperature(o, s, data, folder / "a", {}, {});
  EXPECT_EQ(first.chosen.lr, 0.05);
  EXPECT_EQ(first.epochs_trained, 1 * 4 + 3 * 2);
  EXPECT_EQ(first.grid_epochs, 24);
  EXPECT_EQ(first.regret(), 0);
  EXPECT_EQ(first.grid.size(), 4u);
  const Search again = choose_temperature(o, s, data, folder / "b", {}, {});
  EXPECT_EQ(to_json(first), to_json(again));
}

}  // namespace
}  // namespace kelvin
