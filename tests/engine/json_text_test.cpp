#include "engine/json_text.h"

#include <gmock/gmock.h>

#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;

std::string refusal(const std::string& text, std::size_t offset = 0) {
  return mistake_of([&] { (void)parse_json("f", text, offset); });
}
std::string nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(JsonText, ReadsWhatIsWithinBounds) {
  const Json json = parse_json("f", R"({"a": [1, 2.5, "x[[[\"{{{"], "b": {"a": null}})");
  EXPECT_EQ(json, (Json{{"a", {1, 2.5, "x[[[\"{{{"}}, {"b", {{"a", nullptr}}}}));
  EXPECT_EQ(parse_json("f", nested(kMaxJsonDepth)).size(), 1u);
  EXPECT_EQ(parse_json("f", R"("\\")"), "\\");
}

TEST(JsonText, BoundsDepthAndCount) {
  EXPECT_THAT(refusal(nested(kMaxJsonDepth + 1)), HasSubstr("byte 64: JSON nested deeper than 64 levels"));
  EXPECT_THAT(refusal(std::string(50'000'000, '[')), HasSubstr("nested deeper"));
  std::string objects;
  for (int i = 0; i < 40000; ++i) objects += "{\"a\":";
  EXPECT_THAT(refusal(objects), HasSubstr("nested deeper"));
  std::string many = "[0";
  for (std::size_t i = 0; i < kMaxJsonValues; ++i) many += ",0";
  EXPECT_THAT(refusal(many + "]"), HasSubstr("more than 2000000 values"));
}

TEST(JsonText, SaysWhereItIsDamaged) {
  EXPECT_THAT(refusal("{\"a\": 1", 100), HasSubstr("f: byte 108: not valid JSON"));
  EXPECT_THAT(refusal(""), HasSubstr("not valid JSON (empty)"));
  EXPECT_THAT(refusal("{} {}"), HasSubstr("byte 4: not valid JSON"));
  EXPECT_THAT(refusal("[\"\xff\"]"), HasSubstr("byte 3: not valid JSON"));
  EXPECT_THAT(refusal("[1e999]"), HasSubstr("a number too large"));
  EXPECT_THAT(refusal(R"({"a": {"b": 1, "b": 2}})"), HasSubstr("\"b\" stands twice in one object"));
}

// The library's parser takes time that grows with the square of this where it is given a callback.
TEST(JsonText, ManyObjectsAreReadInSeconds) {
  std::string list = "[", object = "{";
  for (int i = 0; i < 300'000; ++i) {
    list += "{\"a\":0},";
    object += str("\"", i, "\":{},");
  }
  EXPECT_EQ(parse_json("f", list + "0]").size(), 300'001u);
  EXPECT_EQ(parse_json("f", object + "\"a\":0}").size(), 300'001u);
}

TEST(JsonText, LinesAreBoundedTogether) {
  EXPECT_EQ(parse_json_lines("f", "{\"a\": 1}\n\n2\n[3"), (Json{{{"a", 1}}, 2}));
  EXPECT_EQ(parse_json_lines("f", ""), Json::array());
  const auto refusal_of_lines = [](const std::string& text) {
    return mistake_of([&] { (void)parse_json_lines("f", text); });
  };
  EXPECT_THAT(refusal_of_lines("1\n]\n"), HasSubstr("f: byte 3: not valid JSON"));
  EXPECT_THAT(refusal_of_lines("1\n" + nested(65) + "\n"), HasSubstr("byte 66: JSON nested deeper than 64 levels"));
  std::string many;
  for (std::size_t i = 0; i <= kMaxJsonLineValues; ++i) many += "1\n";
  EXPECT_THAT(refusal_of_lines(many), HasSubstr("byte 10000000: more than 5000000 JSON values in all its lines"));
}

}  // namespace
}  // namespace kelvin
