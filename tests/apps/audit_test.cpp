// The audit must see through a model that is known to be broken, and leave it as it was.
#include "apps/analysis/audit.h"

#include <gtest/gtest.h>

#include "tests/apps/golden_model.h"

namespace kelvin {
namespace {

using testing::golden_images;
using testing::golden_model;

AuditOptions options() {
  AuditOptions o;
  o.attack.eps = 8.0f / 255;
  o.attack.steps = 10;
  o.attack.queries = 100;
  o.attack.targets = 2;
  o.attack.batch_size = 16;
  return o;
}

const AuditCheck& named(const Audit& a, const std::string& name) {
  for (const AuditCheck& c : a.checks)
    if (c.name == name) return c;
  throw internal_error("no check ", name);
}

TEST(Audit, BreaksAModelWhoseLogitsAreMultipliedByAHundred) {
  const auto model = golden_model(100);
  const auto before = model->prototypes().value.to_host<float>();
  const Audit a = audit(*model, golden_images(16), options());
  EXPECT_EQ(model->prototypes().value.to_host<float>(), before);
  EXPECT_TRUE(a.is_masked());
  for (const char* name : {"zero gradients", "margins", "attack tau", "loss swap", "rescaled logits"})
    EXPECT_EQ(named(a, name).verdict, Verdict::masked) << name;
  EXPECT_EQ(named(a, "known-broken model").verdict, Verdict::passes);
  EXPECT_GT(a.masking_gap(), 0.2);
  EXPECT_LE(a.worst_case, a.sound);
  EXPECT_LE(a.sound, a.paper_faithful);
  EXPECT_NE(a.sentence().find("not real"), std::string::npos) << a.sentence();
}

TEST(Audit, LeavesAPlainModelInPeace) {
  const auto model = golden_model();
  const Audit a = audit(*model, golden_images(16), options());
  for (const char* name : {"zero gradients", "margins", "displacement", "loss swap", "rescaled logits"})
    EXPECT_EQ(named(a, name).verdict, Verdict::passes) << name << ": " << named(a, name).figures;
  EXPECT_EQ(named(a, "transfer").verdict, Verdict::not_run);
  EXPECT_LT(a.masking_gap(), 0.1);
}

}  // namespace
}  // namespace kelvin
