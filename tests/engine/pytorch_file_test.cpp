// PyTorch's files give the bits that torch.load gives, and what is no state dict is refused by name (tools/golden/pytorch_files.py).
#include <gmock/gmock.h>

#include <cstring>

#include "engine/tensor_file.h"
#include "engine/weight_file.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::mistake_of;
using testing::TemporaryFolder;

const std::filesystem::path kFiles = std::filesystem::path(KELVIN_GOLDEN_DIR) / "pytorch_files";

std::vector<std::byte> by_blocks(const SafetensorsEntry& entry) {
  std::vector<std::byte> all;
  for_each_block(entry, [&](std::span<const std::byte> block) { all.insert(all.end(), block.begin(), block.end()); });
  return all;
}

// What Kelvin reads from NAME.pt against what torch.load gave.
void expect_as_torch_load(const std::string& name) {
  const SafetensorsFile read = read_weight_file(kFiles / (name + ".pt"));
  const SafetensorsFile expected = read_safetensors(kFiles / (name + ".safetensors"));
  ASSERT_EQ(read.tensors.size(), expected.tensors.size()) << name;
  for (const auto& [tensor, entry] : expected.tensors) {
    SCOPED_TRACE(name + ": " + tensor);
    ASSERT_TRUE(read.tensors.contains(tensor));
    const SafetensorsEntry& own = read.tensors.at(tensor);
    if (own.dtype != "C128") {  // of which the golden holds bytes
      EXPECT_EQ(own.dtype, entry.dtype);
      EXPECT_EQ(own.shape, entry.shape);
    }
    EXPECT_EQ(byte_count(own), byte_count(entry));
    EXPECT_EQ(elements_of(own), elements_of(entry));
    EXPECT_EQ(by_blocks(own), elements_of(entry));
  }
}

TEST(PytorchFile, HoldsTheBitsThatTorchLoadGives) {
  int files = 0;
  for (const std::string& name : names_in(kFiles))
    if (name.ends_with(".safetensors")) {
      expect_as_torch_load(name.substr(0, name.find('.')));
      ++files;
    }
  EXPECT_EQ(files, 13);
}

TEST(PytorchFile, IsKnownByItsContent) {
  TemporaryFolder folder;
  for (const char* name : {"layouts", "layouts_before_1_6", "protocol_4_before_1_6"}) {
    std::filesystem::copy_file(kFiles / (std::string(name) + ".pt"), folder / "w.safetensors",
                               std::filesystem::copy_options::overwrite_existing);
    EXPECT_EQ(read_weight_file(folder / "w.safetensors").tensors.size(), 18u);
  }
  std::filesystem::copy_file(kFiles / "layouts.safetensors", folder / "w.pt");
  EXPECT_EQ(read_weight_file(folder / "w.pt").tensors.size(), 18u);
}

TEST(PytorchFile, TiedTensorsShareTheirBytes) {
  for (const char* name : {"layouts.pt", "layouts_before_1_6.pt"}) {
    const SafetensorsFile file = read_weight_file(kFiles / name);
    const SafetensorsEntry &whole = file.tensors.at("whole"), &tied = file.tensors.at("tied"),
                           &row = file.tensors.at("row");
    EXPECT_EQ(whole.file, tied.file);
    EXPECT_EQ(whole.offset, tied.offset);
    EXPECT_EQ(row.file, whole.file);
    EXPECT_EQ(row.offset, whole.offset + 2 * 10 * sizeof(float));
  }
}

TEST(PytorchFile, WhatIsNoStateDictIsRefusedByName) {
  const auto refusal = [](const std::string& name) {
    return mistake_of([&] { (void)read_weight_file(kFiles / ("refused_" + name + ".pt")); });
  };
  const auto is_model_of = [](const char* name) {
    return AllOf(HasSubstr(str(name, ": not part of a state dict; a whole model")),
                 HasSubstr("torch.save(model.state_dict()"));
  };
  EXPECT_THAT(refusal("model"), is_model_of("torch.nn.modules.container.Sequential"));
  EXPECT_THAT(refusal("model_inside"), is_model_of("torch.nn.modules.container.Sequential"));
  EXPECT_THAT(refusal("model_before_1_6"), is_model_of("__main__.Own"));
  EXPECT_THAT(refusal("torchscript"), AllOf(HasSubstr("TorchScript archive"), HasSubstr("model.state_dict()")));
  EXPECT_THAT(refusal("sparse"), HasSubstr("torch._utils._rebuild_sparse_tensor: not part of a state dict"));
  EXPECT_THAT(refusal("view"), HasSubstr("a tensor that is a conjugate or negative view"));
  EXPECT_THAT(refusal("tensor"), HasSubstr("holds one tensor without a name"));
  EXPECT_THAT(refusal("nothing"), HasSubstr("holds no tensors"));
}

// A flipped bit in the elements is found by the zip file's own checksum; the format before has none.
TEST(PytorchFile, DamagedElementsAreFound) {
  TemporaryFolder folder;
  const SafetensorsFile file = read_weight_file(kFiles / "layouts.pt");
  const std::vector<std::byte> whole = elements_of(file.tensors.at("whole"));
  std::string bytes = testing::read_text(kFiles / "layouts.pt");
  const std::size_t at = bytes.find(std::string(reinterpret_cast<const char*>(whole.data()), whole.size()));
  ASSERT_NE(at, std::string::npos);
  bytes[at + 17] = static_cast<char>(bytes[at + 17] ^ 4);
  std::ofstream(folder / "w.pt", std::ios::binary) << bytes;
  const SafetensorsFile damaged = read_weight_file(folder / "w.pt");
  EXPECT_THAT(mistake_of([&] { (void)elements_of(damaged.tensors.at("whole")); }), HasSubstr("CRC error"));
  EXPECT_THAT(mistake_of([&] { (void)by_blocks(damaged.tensors.at("tied")); }), HasSubstr("CRC error"));
}

// Larger than the blocks in which files are read: a filter of channels-last order, a tensor that does not begin at its storage's first byte.
TEST(PytorchFile, LargeTensorsAreReadInBlocks) {
  const std::filesystem::path path = kFiles / "layouts_before_1_6.pt";
  // Made from a small file: PyTorch's format before 1.6, one storage, numbers by formula.
  constexpr std::uint64_t kRows = 700, kColumns = 900;  // 2.5 MB
  const auto little = [](auto value) { return std::string(reinterpret_cast<const char*>(&value), sizeof value); };
  const auto text = [&](const std::string& t) { return "X" + little(static_cast<std::uint32_t>(t.size())) + t; };
  const auto number = [&](std::int64_t n) { return "\x8a\x08" + little(n); };
  const std::string storage =
      "(" + text("storage") + "ctorch\nFloatStorage\n" + text("k") + text("cpu") + number(kRows * kColumns + 5) + "NtQ";
  const auto tensor = [&](std::int64_t offset, std::int64_t rows, std::int64_t columns, std::int64_t by_row,
                          std::int64_t by_column) {
    return "ctorch._utils\n_rebuild_tensor\n(" + storage + number(offset) + "(" + number(rows) + number(columns) +
           "t(" + number(by_row) + number(by_column) + "ttR";
  };
  std::string bytes = testing::read_text(path).substr(0, 15) + "\x80\x02M\xe9\x03." + "\x80\x02}." + "\x80\x02}(" +
                      text("plain") + tensor(5, kRows, kColumns, kColumns, 1) + text("turned") +
                      tensor(5, kColumns, kRows, 1, kColumns) + "u." + "\x80\x02](" + text("k") + "e." +
                      little(std::int64_t{kRows * kColumns + 5});
  const auto value = [](std::uint64_t i) { return static_cast<float>(i % 10007) * 0.25f; };
  for (std::uint64_t i = 0; i < kRows * kColumns + 5; ++i) bytes += little(i < 5 ? -1.0f : value(i - 5));
  TemporaryFolder folder;
  std::ofstream(folder / "w.pt", std::ios::binary) << bytes;
  const SafetensorsFile file = read_weight_file(folder / "w.pt");
  const std::vector<float> plain = floats_of(file.tensors.at("plain")), turned = floats_of(file.tensors.at("turned"));
  ASSERT_EQ(plain.size(), kRows * kColumns);
  ASSERT_EQ(turned.size(), kRows * kColumns);
  for (std::uint64_t i = 0; i < kRows * kColumns; ++i) {
    ASSERT_EQ(plain[i], value(i)) << i;
    ASSERT_EQ(turned[i], value(i % kRows * kColumns + i / kRows)) << i;
  }
}

}  // namespace
}  // namespace kelvin
