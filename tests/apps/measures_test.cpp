// The measurements of a sweep: their list and settings, and runs of the targeted attacks, the distances and the gradients on a small model.
#include "apps/sweep/measures.h"

#include <gmock/gmock.h>

#include <cmath>

#include "apps/experiment/boundary_distance.h"
#include "apps/sweep/table.h"
#include "apps/training/train.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::ElementsAre;
using testing::mistake_of;
using testing::TemporaryFolder;

std::vector<std::string> names_of(const std::vector<Measurement>& list) {
  std::vector<std::string> names;
  for (const Measurement& m : list) names.push_back(result_name(m));
  return names;
}

TEST(Measures, NamesInOrderAndAgainForEachLogitScale) {
  MeasureRequest r;
  r.kinds = {"gradients", "targeted", "distance", "clean", "pgd", "worst", "geometry"};
  EXPECT_THAT(
      names_of(measurements_of(r, {50})),
      ElementsAre("evaluate", "attack-pgd-ce-tau1", "attack-pgd-log-odds", "worst-case", "geometry",
                  "attack-pgd-ce-untargeted", "attack-pgd-ce-targeted", "attack-pgd-margin-untargeted",
                  "attack-pgd-margin-targeted", "boundary-distance", "gradients-train-tau", "evaluate-logits-x50",
                  "attack-pgd-ce-tau1-logits-x50", "attack-pgd-log-odds-logits-x50", "worst-case-logits-x50",
                  "attack-pgd-ce-untargeted-logits-x50", "attack-pgd-ce-targeted-logits-x50",
                  "attack-pgd-margin-untargeted-logits-x50", "attack-pgd-margin-targeted-logits-x50"));
  r.kinds = {"target"};
  EXPECT_THAT(mistake_of([&] { check_request(r); }), ::testing::HasSubstr("targeted, distance, gradients"));
}

// cell.json of cells that were finished before there were targeted attacks.
TEST(Measures, ARequestOfAnEarlierVersionIsTheSameRequest) {
  const Json earlier = Json::parse(R"({"attack_limit": 500, "audit_limit": 100, "corrupt_limit": 1000,
      "eps": 0.0313725508749485, "geometry_limit": 2000, "kinds": ["clean", "corrupt", "attacks", "worst", "geometry"],
      "seed": 0, "severity": 3, "step": 0.007843137718737125, "steps": 20, "test_limit": 0, "worst_attack": "autoattack",
      "worst_limit": 200})");
  EXPECT_EQ(to_json(MeasureRequest{.worst_limit = 200}), earlier);  // the usual limit of that version
  MeasureRequest r = measure_request_from(JsonFields("cell.json", earlier));
  EXPECT_EQ(to_json(r), earlier);
  r.targeted_limit = 7;
  r.distance_limit = 0;
  const Json later = to_json(r);
  EXPECT_EQ(later.size(), earlier.size() + 2);
  EXPECT_EQ(measure_request_from(JsonFields("cell.json", later)).targeted_limit, 7);
  EXPECT_EQ(measure_request_from(JsonFields("cell.json", later)).distance_limit, 0);
  r.severities = {3, 1, 5};  // more than one is a list
  EXPECT_EQ(to_json(r)["severity"], Json({3, 1, 5}));
  EXPECT_THAT(measure_request_from(JsonFields("cell.json", to_json(r))).severities, ::testing::ElementsAre(3, 1, 5));
  Json damaged = later;
  damaged["targeted_limit"] = -1;
  EXPECT_THAT(mistake_of([&] { (void)measure_request_from(JsonFields("cell.json", damaged)); }),
              ::testing::HasSubstr("--targeted-limit"));
}

TEST(BoundaryDistance, ErrorsAreAtZeroAndWhatWasNotFoundAtOne) {
  AttackResult r;
  const auto add = [&](std::int32_t prediction, float distance) {
    r.images.push_back({.label = 3, .clean_prediction = prediction, .minimal_distance = distance});
  };
  add(3, 0.25f);
  add(1, -1);  // a clean error: no member attacks it
  add(3, -1);  // nothing found
  add(3, 0.1234567f);
  const Json json = boundary_distances(r);
  EXPECT_EQ(json["distances"], Json::parse("[0.25, 0, null, 0.123457]"));
  EXPECT_EQ(json["not_found"], 1);
  EXPECT_FLOAT_EQ(json["median_distance"].get<float>(), (0.1234567f + 0.25f) / 2);
  EXPECT_FLOAT_EQ(json["mean_distance"].get<float>(), (0.25f + 0 + 1 + 0.1234567f) / 4);
  EXPECT_TRUE(std::isnan(boundary_distances({})["median_distance"].get<double>()));
}

// Two small models, at τ = 1 and 50, each measured in its own folder.
class MeasuredCells : public ::testing::Test {
 protected:
  MeasuredCells() {
    request_.kinds = {"clean", "attacks", "targeted", "geometry", "distance", "gradients"};
    request_.attack_limit = request_.targeted_limit = 100;
    request_.distance_limit = 40;
    request_.eps = 0.1f;
    request_.step = 0.025f;
    request_.seed = 5;
  }
  RunFolder train_at(double tau) {
    TrainOptions o;
    o.model = "mlp";
    o.epochs = 8;
    o.batch_size = 32;
    o.tau = {.start = tau, .end = tau};
    o.lr = {.base = 0.05 * tau};
    const RunFolder run{folder_ / str("tau", tau)};
    run.create();
    run.write_result("train", to_json(train(o, data_, run, {}, {}), o, run));
    return run;
  }
  void measure_all(const RunFolder& run, const std::vector<double>& logit_scales) {
    const SafetensorsFile file = open_checkpoint(run);
    const TrainedModel trained = build_trained_model(file, run_info_from(file), {});
    measure(*trained.model, trained.info.train_tau, measurements_of(request_, logit_scales), data_, run, {});
    run.write_result("done", Json::object());
  }
  Dataset data_ = load_dataset("synthetic:train=512,test=120,size=8,classes=5", {.seed = 1});
  MeasureRequest request_;
  TemporaryFolder folder_;
};

TEST_F(MeasuredCells, TheOrderOfTargetedAndUntargetedShowsAFailedAttack) {
  const RunFolder run = train_at(1);
  measure_all(run, {1000});
  const CellFigures plain = read_figures(run, 1), scaled = read_figures(run, 1000);
  for (const CellFigures* f : {&plain, &scaled}) {
    EXPECT_LE(f->values.at("untargeted_margin"), f->values.at("targeted_margin"));
    EXPECT_LT(f->values.at("targeted_margin"), f->values.at("clean")) << "the attack would do nothing";
    EXPECT_GT(f->values.at("target_reached_margin"), 0);
    for (const char* key : {"untargeted_ce", "targeted_ce", "untargeted_margin", "targeted_margin"})
      EXPECT_EQ(f->images.at(key).size(), 100u) << key;
    // A targeted success counts as broken.
    EXPECT_LE(f->values.at("targeted_ce") + f->values.at("target_reached_ce"), 1);
  }
  EXPECT_LE(plain.values.at("untargeted_ce"), plain.values.at("targeted_ce"));
  // Logits × 1000: cross-entropy away from the label has no gradient left, towards a class it has.
  EXPECT_GT(scaled.values.at("untargeted_ce"), scaled.values.at("targeted_ce"));
  // Of the same settings as an attack of the list: made once. At τ = 1 the training τ is one more name.
  const auto made = [&](const char* name) { return read_result(run, name); };
  for (const char* name : {"attack-pgd-ce-untargeted", "attack-pgd-ce-tau-train"}) {
    EXPECT_EQ(made(name)["seconds"], made("attack-pgd-ce-tau1")["seconds"]) << name;
    EXPECT_EQ(made(name)["correct"], made("attack-pgd-ce-tau1")["correct"]) << name;
    EXPECT_EQ("attack-" + made(name)["label"].get<std::string>(), name);
    EXPECT_EQ(made(name)["settings"]["name"], name);
  }
  EXPECT_NE(made("attack-pgd-ce-targeted")["correct"], made("attack-pgd-ce-tau1")["correct"]);
  // Settings as they were before there were targets, and with one.
  EXPECT_EQ(made("attack-pgd-ce-tau1")["settings"],
            Json::parse(R"({"attack": "pgd", "attack_tau": 1.0, "eps": 0.10000000149011612, "limit": 100,
                "logit_scale": 1.0, "loss": "ce", "name": "attack-pgd-ce-tau1", "norm": 0, "queries": 5000,
                "restarts": 1, "seed": 5, "step": 0.02500000037252903, "steps": 20, "targets": 9,
                "version": "standard"})"));
  EXPECT_EQ(made("attack-pgd-ce-targeted")["settings"]["targeted"], "random");
}

TEST_F(MeasuredCells, EveryModelGetsTheSameTargets) {
  request_.kinds = {"targeted"};
  const AttackOptions o = measurements_of(request_, {})[1].attack;
  ASSERT_EQ(o.targeting, Targeting::random);
  std::vector<std::vector<std::int32_t>> targets;
  for (const double tau : {1.0, 50.0}) {
    const SafetensorsFile file = open_checkpoint(train_at(tau));
    targets.emplace_back();
    for (const AttackedImage& i :
         attack(*build_trained_model(file, run_info_from(file), {}).model, data_.test.first(100), o).images) {
      EXPECT_NE(i.target, i.label);
      targets.back().push_back(i.target);
    }
  }
  EXPECT_EQ(targets[0], targets[1]);
}

TEST_F(MeasuredCells, DistancesAndSharesDoNotDependOnTheScaleOfTheLogits) {
  const RunFolder run = train_at(50);
  measure_all(run, {});
  const Json plain = read_result(run, "boundary-distance");
  const std::string correct = read_result(run, "evaluate")["correct"];
  ASSERT_EQ(plain["distances"].size(), 40u);
  EXPECT_EQ(plain["not_found"], 0);
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(plain["distances"][i].get<double>() > 0, correct[i] == '1') << i;
  const CellFigures figures = read_figures(run, 1);
  EXPECT_EQ(figures.values.at("median_distance"), plain["median_distance"].get<double>());
  // An image that PGD broke has a boundary within ε, and the search finds one about as near.
  const std::string robust = read_result(run, "attack-pgd-margin-untargeted")["correct"];
  for (std::size_t i = 0; i < 40; ++i)
    if (robust[i] == '0') {
      EXPECT_LE(plain["distances"][i].get<double>(), 0.1 * 1.01) << i;
    }

  const SafetensorsFile file = open_checkpoint(run);
  const TrainedModel trained = build_trained_model(file, run_info_from(file), {});
  std::vector<Measurement> list = measurements_of(request_, {});
  std::erase_if(list, [](const Measurement& m) {
    return m.kind != Measurement::Kind::distance && m.kind != Measurement::Kind::gradients;
  });
  for (Measurement& m : list) m.logit_scale = 50;
  measure(*trained.model, trained.info.train_tau, list, data_, run, {});
  // Rounding of float32 logits in a search of a hundred steps.
  const Json scaled = read_result(run, "boundary-distance-logits-x50");
  for (std::size_t i = 0; i < 40; ++i)
    EXPECT_NEAR(scaled["distances"][i].get<double>(), plain["distances"][i].get<double>(), 2e-3) << i;
  EXPECT_NEAR(scaled["median_distance"].get<double>(), plain["median_distance"].get<double>(), 5e-4);

  const double entropy = figures.values.at("alpha_entropy");
  EXPECT_GT(entropy, 0);
  EXPECT_LT(entropy, 1);
  EXPECT_EQ(read_result(run, "gradients-train-tau")["rows"][0]["tau"], 50);
  EXPECT_NEAR(read_result(run, "gradients-train-tau-logits-x50")["rows"][0]["alpha_entropy"].get<double>(), entropy,
              1e-5);
}

}  // namespace
}  // namespace kelvin
