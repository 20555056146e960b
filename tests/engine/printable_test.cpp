#include "engine/printable.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace kelvin {
namespace {

TEST(Printable, ControlCharactersAndHiddenOnesAreShown) {
  EXPECT_EQ(printable("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\xB1 a\\b"),
            "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\xB1 a\\b");
  EXPECT_EQ(printable("red\x1B[31m\r\n\tend\x07"), "red\\x1B[31m\\r\\n\\tend\\x07");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\x7F"), "\\u007F");
  EXPECT_EQ(printable("\xC2\x9B"), "\\u009B");            // CSI as one character
  EXPECT_EQ(printable("\xE2\x80\xAEgpj"), "\\u202Egpj");  // right-to-left override
  EXPECT_EQ(printable("\xE2\x80\xA8"), "\\u2028");
}

TEST(Printable, BytesThatAreNotUtf8AreShown) {
  EXPECT_EQ(printable("\xFF\xFE"), "\\xFF\\xFE");
  EXPECT_EQ(printable("caf\xE9"), "caf\\xE9");                       // Latin-1
  EXPECT_EQ(printable("\xC3"), "\\xC3");                             // cut off
  EXPECT_EQ(printable("\xC0\xAF"), "\\xC0\\xAF");                    // overlong
  EXPECT_EQ(printable("\xE0\x80\xAF"), "\\xE0\\x80\\xAF");           // overlong
  EXPECT_EQ(printable("\xED\xA0\x80"), "\\xED\\xA0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xF4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80");  // above 10FFFF
  EXPECT_EQ(printable("\xC3\x28\xC3\xA9"), "\\xC3(\xC3\xA9");        // the good after the bad
}

TEST(Printable, LinesStayLines) {
  EXPECT_EQ(printable_lines("a\x1B\nb\r\n\nc\xFF"), "a\\x1B\nb\\r\n\nc\\xFF");
  EXPECT_EQ(printable_lines(""), "");
}

TEST(EscapedBytes, AreWhatIsPromised) {
  EXPECT_TRUE(is_utf8("caf\xC3\xA9 \\x41"));
  EXPECT_FALSE(is_utf8("caf\xE9"));
  EXPECT_FALSE(is_utf8("cut \xE2\x82"));
  EXPECT_EQ(escape_bytes("caf\xE9"), "caf\\xE9");
  EXPECT_EQ(escape_bytes("\\x41 \\n"), "\\x5Cx41 \\n");
  EXPECT_EQ(escape_bytes("caf\xC3\xA9\n\x1B"), "caf\xC3\xA9\n\x1B");  // JSON and TOML have their own escapes for these
  EXPECT_EQ(unescape_bytes("caf\\xE9"), "caf\xE9");
  EXPECT_EQ(unescape_bytes("\\x5Cx41"), "\\x41");
  EXPECT_EQ(unescape_bytes("\\x4 \\xG0 \\xe9 \\"), "\\x4 \\xG0 \\xe9 \\");  // nothing that escape_bytes writes
}

// Every string of two bytes, and longer ones of the bytes that matter.
TEST(EscapedBytes, ComeBack) {
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second) {
      const std::string bytes = {static_cast<char>(first), static_cast<char>(second)};
      ASSERT_EQ(unescape_bytes(escape_bytes(bytes)), bytes) << first << " " << second;
    }
  const std::string alphabet = "\\\\\\xx05CEF\xC3\xA9\xE2\x82\xAC\xF0\x9F\xFF/";
  std::mt19937 random(7);
  for (int n = 0; n < 20000; ++n) {
    std::string bytes;
    for (std::size_t i = random() % 12; i > 0; --i) bytes += alphabet[random() % alphabet.size()];
    const std::string text = escape_bytes(bytes);
    ASSERT_EQ(unescape_bytes(text), bytes) << text;
    ASSERT_EQ(escape_bytes(unescape_bytes(text)), text);
    ASSERT_EQ(printable(text), text);  // valid UTF-8 without control characters
  }
}

}  // namespace
}  // namespace kelvin
