// Replays the committed corpora, so that every build tests the inputs that a fuzzer once found.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/parsers.h"

namespace kelvin {
namespace {

template <class F>
void replay(const char* parser, const F& parse) {
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(KELVIN_SOURCE_DIR) / "tests/fuzz/corpus" / parser)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    parse(std::as_bytes(std::span(text)));
    ++files;
  }
  EXPECT_GT(files, 3);
}

TEST(FuzzCorpus, Safetensors) { replay("safetensors", fuzz::safetensors); }
TEST(FuzzCorpus, Pytorch) { replay("pytorch", fuzz::pytorch); }
TEST(FuzzCorpus, Npy) { replay("npy", fuzz::npy); }
TEST(FuzzCorpus, Idx) { replay("idx", fuzz::idx); }
TEST(FuzzCorpus, Image) { replay("image", fuzz::image); }
TEST(FuzzCorpus, Annotations) { replay("annotations", fuzz::annotations); }
TEST(FuzzCorpus, Json) { replay("json", fuzz::json); }
TEST(FuzzCorpus, Toml) { replay("toml", fuzz::toml); }
TEST(FuzzCorpus, Shards) { replay("shards", fuzz::shards); }
TEST(FuzzCorpus, Metadata) { replay("metadata", fuzz::metadata); }
TEST(FuzzCorpus, Names) { replay("names", fuzz::names); }

}  // namespace
}  // namespace kelvin
