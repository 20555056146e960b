// Damage in Kelvin's files is detected: every single bit of a checkpoint and of a result is flipped. Each flip is refused or does not change
// what is read.
#include <gmock/gmock.h>

#include <cstring>

#include "engine/checked_json.h"
#include "engine/checkpoint.h"
#include "engine/checksum.h"
#include "engine/tensor_file.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;
using testing::TemporaryFolder;

std::vector<std::byte> bytes_in(const std::filesystem::path& path) { return read_file(path, 1 << 20); }

void write(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

// As a training writes one, in small: weights, optimizer state, metadata with JSON inside.
void write_checkpoint(const std::filesystem::path& path) {
  Parameters parameters;
  parameters.add({.name = "fc.weight", .shape = {3, 2}, .init = {}, .weight_decay = true});
  parameters.add({.name = "fc.bias", .shape = {3}, .init = {}, .weight_decay = true});
  parameters.allocate({}, /*seed=*/1);
  NamedTensors extra;
  extra["optimizer.momentum"] = parameters.find("fc.weight")->value;
  save_checkpoint(path, parameters, extra,
                  {{"kelvin", R"({"class_names":["é","\"b\"\n\u0001"],"train_tau":50.0})"},
                   {"kelvin.position", R"({"epoch":3,"metrics_bytes":12})"}});
}

bool is_same(const SafetensorsFile& a, const SafetensorsFile& b) {
  if (a.metadata != b.metadata || a.has_checksums != b.has_checksums || a.tensors.size() != b.tensors.size())
    return false;
  for (const auto& [name, entry] : a.tensors) {
    const auto other = b.tensors.find(name);
    if (other == b.tensors.end() || other->second.dtype != entry.dtype || other->second.shape != entry.shape ||
        elements_of(other->second) != elements_of(entry))
      return false;
  }
  return true;
}

TEST(Integrity, Xxh3) {
  EXPECT_EQ(checksum_of(""), "2d06800538d394c2");  // the values of xxHash's own specification
  EXPECT_EQ(checksum_of("a"), "e6c632b61e964e1f");
  Checksum pieces;
  for (const char c : std::string("temperature")) pieces.add(std::as_bytes(std::span(&c, 1)));
  EXPECT_EQ(pieces.hex(), checksum_of("temperature"));
}

TEST(Integrity, EveryBitOfACheckpoint) {
  TemporaryFolder folder;
  write_checkpoint(folder / "c.safetensors");
  std::vector<std::byte> bytes = bytes_in(folder / "c.safetensors");
  const SafetensorsFile whole = parse_safetensors("c", bytes);
  EXPECT_TRUE(whole.has_checksums);
  EXPECT_EQ(whole.metadata.size(), 2u);
  std::size_t refused = 0, harmless = 0;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte{1} << bit % 8;
    try {
      ASSERT_TRUE(is_same(parse_safetensors("c", bytes), whole)) << "bit " << bit % 8 << " of byte " << bit / 8;
      ++harmless;
    } catch (const Error& e) {
      ASSERT_EQ(e.code(), ExitCode::mistake);
      ++refused;
    }
    bytes[bit / 8] ^= std::byte{1} << bit % 8;
  }
  EXPECT_EQ(refused + harmless, bytes.size() * 8);
  EXPECT_LE(harmless, 8u);  // such as the case of a hexadecimal digit
}

TEST(Integrity, NamesTheTensorThatIsDamaged) {
  TemporaryFolder folder;
  write_checkpoint(folder / "c.safetensors");
  std::vector<std::byte> bytes = bytes_in(folder / "c.safetensors");
  const SafetensorsFile whole = read_safetensors(folder / "c.safetensors");
  for (const auto& [name, entry] : whole.tensors) {
    bytes[entry.offset + 5] ^= std::byte{4};
    write(folder / "damaged", bytes);
    EXPECT_THAT(mistake_of([&] { (void)read_safetensors(folder / "damaged"); }),
                HasSubstr("damaged: damaged: tensor \"" + name + "\""));
    bytes[entry.offset + 5] ^= std::byte{4};
  }
}

// A file that another program wrote again, tensors and metadata as they were, in another order: what it says is the same.
TEST(Integrity, ARewrittenFileIsTheSame) {
  TemporaryFolder folder;
  write_checkpoint(folder / "c.safetensors");
  const SafetensorsFile whole = read_safetensors(folder / "c.safetensors");
  const std::vector<std::byte> bytes = bytes_in(folder / "c.safetensors");
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof size);
  const std::string header(reinterpret_cast<const char*>(bytes.data()) + 8, size);
  std::string rewritten = Json::parse(header).dump(1);
  size = rewritten.size();
  rewritten.insert(0, std::string(reinterpret_cast<const char*>(&size), sizeof size));
  rewritten.append(reinterpret_cast<const char*>(bytes.data()) + 8 + header.size(), bytes.size() - 8 - header.size());
  const auto span = std::as_bytes(std::span(rewritten));
  EXPECT_TRUE(is_same(parse_safetensors("r", {span.begin(), span.end()}), whole));
  // Changed on purpose and saved with its old metadata: refused, and the message names the remedy.
  rewritten.back() ^= 1;
  EXPECT_THAT(mistake_of([&] {
                (void)parse_safetensors("r", {span.begin(), span.end()});
              }),
              HasSubstr("without the metadata kelvin.format and kelvin.checksums it is read unchecked"));
}

TEST(Integrity, EveryBitOfAResult) {
  const Json result = {{"accuracy", 0.8125},
                       {"class_names", {"a", "é\"\\\x01"}},
                       {"rows", {{{"severity", 3}, {"accuracy", nullptr}}, {{"severity", -1}, {"accuracy", 1e-300}}}},
                       {"n", 18446744073709551615u}};
  std::string text = checked_json_text(result);
  EXPECT_EQ(parse_checked_json("r", text), result);
  std::size_t harmless = 0;
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
    try {
      ASSERT_EQ(parse_checked_json("r", text), result) << "bit " << bit % 8 << " of byte " << bit / 8;
      ++harmless;
    } catch (const Error& e) {
      ASSERT_EQ(e.code(), ExitCode::mistake);
    }
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
  }
  EXPECT_LE(harmless, 8u);
  EXPECT_EQ(parse_checked_json("r", R"({"accuracy": 0.5})"), (Json{{"accuracy", 0.5}}));  // an older version's
  EXPECT_THAT(mistake_of([] { (void)parse_checked_json("r", "[1]"); }), HasSubstr("expected a JSON object"));
}

TEST(Integrity, NumbersAndTextOfAnyKindComeBack) {
  const Json result = {{"not finite", std::nan("")}, {"float", 0.1f}, {"zero", -0.0}, {"bytes", "\xff"}};
  const Json back = parse_checked_json("r", checked_json_text(result));
  EXPECT_TRUE(back["not finite"].is_null());
  EXPECT_EQ(back["float"], result["float"]);
  EXPECT_TRUE(std::signbit(back["zero"].get<double>()));
  EXPECT_EQ(back["bytes"], "\ufffd");
}

}  // namespace
}  // namespace kelvin
