// The glossary as HTML, and that Kelvin's own holds the words of the report and the course.
#include "apps/report/glossary.h"

#include <gmock/gmock.h>

namespace kelvin {
namespace {

TEST(Glossary, BecomesAListOfTermsThatLinksReach) {
  EXPECT_EQ(glossary_html("# Title\n\nText.\n\n- **CE − log-odds gap**: a < b\n  & more.\n- **PGD**: steps\n"),
            "<dl class=\"glossary\">\n<dt id=\"glossary-ce-log-odds-gap\">CE − log-odds gap</dt><dd>a &lt; b &amp; "
            "more.</dd>\n<dt id=\"glossary-pgd\">PGD</dt><dd>steps</dd>\n</dl>\n");
  EXPECT_EQ(glossary_html("no list\n"), "");
}

TEST(Glossary, HoldsTheWordsOfTheStudy) {
  for (const char* term : {"PGD", "ε", "L∞", "margin", "logit", "log-odds loss", "masking", "prototype",
                           "corruption severity", "mCE", "temperature", "AutoAttack", "AWP", "TRADES", "MART",
                           "McNemar", "neural collapse", "attack gap", "CE − log-odds gap"})
    EXPECT_THAT(glossary_html(), ::testing::HasSubstr(">" + std::string(term) + "</dt>"));
}

}  // namespace
}  // namespace kelvin
