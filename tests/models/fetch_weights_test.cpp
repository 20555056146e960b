// Published weights from a server on this machine that answers as the public homes do.
#include "models/fetch_weights.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <thread>

#include "engine/digest.h"
#include "tests/data/http_server.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Check = FetchedWeights::Check;

// A safetensors file of one tensor of 1000 floats.
std::string weights() {
  const std::string header = R"({"fc.weight":{"dtype":"F32","shape":[10,100],"data_offsets":[0,4000]}})";
  std::string text(8, '\0');
  text[0] = static_cast<char>(header.size());
  text += header;
  for (std::uint64_t i = 0, x = 1; i < 4000; ++i) text += static_cast<char>((x = x * 6364136223846793005u + 1) >> 60);
  return text;
}

class FetchWeights : public ::testing::Test {
 protected:
  FetchWeights() {
    setenv("no_proxy", "127.0.0.1", 1);
    Digest digest(Digest::Kind::sha256);
    digest.add(content_);
    sha256_ = digest.hex();
    named_ = {"net", "", "mlp", "", "models/net-x.pth", "net-x.pth", sha256_.substr(0, 8)};
    linked_ = {"vit.tag", "", "mlp", "", "timm/vit.tag/resolve/main/model.safetensors", "vit.tag.safetensors", ""};
    options_.folder = folder_ / "weights";
    options_.is_quiet = true;
  }
  // As the hub answers: a redirection that states the digest, to an address elsewhere whose own tag means something else.
  void link(const std::string& sha256) {
    server_.redirect(linked_.path, "blob",
                     "ETag: \"0123\"\r\nX-Linked-Etag: \"" + sha256 + "\"\r\nX-Linked-Size: 4000\r\n");
  }
  FetchedWeights fetch(const WeightSource& source) {
    options_.home = server_.address();
    return fetch_weights(source, options_);
  }
  // The refused fetch leaves nothing under the final name.
  void expect_mistake(const WeightSource& source, const std::string& says) {
    EXPECT_THAT(mistake_of([&] { (void)fetch(source); }), HasSubstr(says));
    EXPECT_FALSE(std::filesystem::exists(options_.folder / source.file));
  }
  [[nodiscard]] bool has_part(const WeightSource& source) const {
    return std::filesystem::exists(options_.folder / (source.file + ".part"));
  }

  TemporaryFolder folder_;
  const std::string content_ = weights();
  HttpServer server_{{{"models/net-x.pth", content_}, {"blob", content_}, {"page", "<html>404</html>"}}};
  std::string sha256_;
  WeightSource named_, linked_;
  WeightFetchOptions options_;
};

TEST_F(FetchWeights, TheDigestInTheNameIsChecked) {
  const FetchedWeights fetched = fetch(named_);
  EXPECT_EQ(fetched.file, folder_ / "weights/net-x.pth");
  EXPECT_EQ(read_text(fetched.file), content_);
  EXPECT_EQ(fetched.sha256, sha256_);
  EXPECT_EQ(fetched.check, Check::name);
  EXPECT_FALSE(fetched.was_there);
  EXPECT_TRUE(fetch(named_).was_there);
  EXPECT_THAT(server_.ranges(), ElementsAre(""));  // the second time nothing was asked for
  named_.digest = "00000000";
  EXPECT_THAT(mistake_of([&] { (void)fetch(named_); }), HasSubstr("another sha256 than the published 00000000"));
  std::filesystem::remove(fetched.file);
  expect_mistake(named_, "published 00000000...; the damaged download is removed");
  EXPECT_TRUE(std::filesystem::is_empty(options_.folder));
}

TEST_F(FetchWeights, TheDigestThatTheHomeStatesIsChecked) {
  link(std::string(64, 'a'));
  expect_mistake(linked_, "published aaaaaaaa");
  EXPECT_TRUE(std::filesystem::is_empty(options_.folder));
  link(sha256_);
  EXPECT_EQ(fetch(linked_).check, Check::home);
  EXPECT_EQ(read_text(options_.folder / "vit.tag.safetensors"), content_);
}

// Without a digest the file must at least open.
TEST_F(FetchWeights, WithoutADigestTheFileIsOpened) {
  server_.redirect(linked_.path, "page", "");
  expect_mistake(linked_, "vit.tag: what came is no weight file");
  EXPECT_TRUE(std::filesystem::is_empty(options_.folder));
  server_.redirect(linked_.path, "blob", "");
  EXPECT_EQ(fetch(linked_).check, Check::none);
}

TEST_F(FetchWeights, AnInterruptedOneGoesOn) {
  link(sha256_);
  server_.cut_after = 1500;
  expect_mistake(linked_, "what has arrived stays");
  EXPECT_TRUE(has_part(linked_));
  server_.cut_after = 0;
  EXPECT_EQ(fetch(linked_).check, Check::home);
  EXPECT_THAT(server_.ranges(), ElementsAre("", "1500-"));
  EXPECT_EQ(read_text(options_.folder / "vit.tag.safetensors"), content_);
  EXPECT_FALSE(has_part(linked_));
}

TEST_F(FetchWeights, AServerWithoutRangesStartsAgain) {
  server_.cut_after = 1500;
  expect_mistake(named_, "what has arrived stays");
  server_.cut_after = 0;
  server_.takes_ranges = false;
  EXPECT_EQ(fetch(named_).check, Check::name);
  EXPECT_EQ(read_text(options_.folder / "net-x.pth"), content_);
}

// Killed between the last byte and the rename: the whole part is checked, nothing is fetched again.
TEST_F(FetchWeights, AWholePartIsChecked) {
  link(sha256_);
  std::filesystem::create_directories(options_.folder);
  std::ofstream(options_.folder / "vit.tag.safetensors.part", std::ios::binary) << content_;
  EXPECT_EQ(fetch(linked_).check, Check::home);
  EXPECT_EQ(read_text(options_.folder / "vit.tag.safetensors"), content_);
}

TEST_F(FetchWeights, WhatIsNotThereIsAMistake) {
  named_.path = "models/none.pth";
  expect_mistake(named_, "404");
  EXPECT_TRUE(std::filesystem::is_empty(options_.folder));
  std::ofstream(folder_ / "file") << "x";
  options_.folder = folder_ / "file";
  EXPECT_THAT(mistake_of([&] { (void)fetch(named_); }), HasSubstr("cannot be made"));
}

TEST_F(FetchWeights, WithoutCurlItSaysSo) {
  const std::string path = getenv("PATH");
  setenv("PATH", folder_.path().c_str(), 1);
  expect_mistake(named_, "curl");
  setenv("PATH", path.c_str(), 1);
}

TEST_F(FetchWeights, TwoAtOnceTakeTurns) {
  const auto fetch_it = [&](FetchedWeights& fetched) { fetched = fetch_weights(named_, options_); };
  options_.home = server_.address();
  FetchedWeights first, second;
  std::thread one([&] { fetch_it(first); }), two([&] { fetch_it(second); });
  one.join();
  two.join();
  EXPECT_NE(first.was_there, second.was_there);
  EXPECT_THAT(server_.ranges(), ElementsAre(""));
}

TEST(StatedSha256, OfTheHeadersOfADownload) {
  const std::string a(64, 'a'), b(64, 'b');
  EXPECT_EQ(
      stated_sha256("HTTP/2 302\r\nx-linked-etag: \"" + a + "\"\r\n\r\nHTTP/2 200\r\netag: \"" + b + "\"\r\n\r\n"), a);
  EXPECT_EQ(stated_sha256("HTTP/1.1 200 OK\r\nETag: " + b + "\r\n\r\n"), b);
  EXPECT_EQ(stated_sha256("HTTP/1.1 200 OK\r\nETag: \"5e3f-61a\"\r\nX-Other: " + b + "\r\n\r\n"), "");
  EXPECT_EQ(stated_sha256(""), "");
}

// The table against torchvision's rule: eight digits of the digest stand in the file's name.
TEST(WeightSources, NamesHoldDigests) {
  for (const WeightSource& source : weight_sources()) {
    EXPECT_THAT(source.home + source.path, StartsWith("https://"));
    EXPECT_THAT(source.name, StartsWith(source.model));
    if (!source.digest.empty()) {
      EXPECT_EQ(source.digest.size(), 8u);
      EXPECT_EQ(source.file, source.model + "-" + source.digest + ".pth");
      EXPECT_THAT(source.path, HasSubstr(source.file));
    }
    EXPECT_EQ(find_weight_source(source.name).path, source.path);
  }
  EXPECT_THAT(mistake_of([] { (void)find_weight_source("resnet5"); }), HasSubstr("known: resnet18"));
}

}  // namespace
}  // namespace kelvin
