// CIFAR-10 and CIFAR-100 in their binary version: order of pixels and labels, names, and damaged files.
#include "data/cifar.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;
using testing::TemporaryFolder;

// A record whose pixel (row, column, channel) is (3 row + 5 column + 7 channel + first) mod 256.
std::string record(std::initializer_list<int> labels, int first) {
  std::string bytes;
  for (const int label : labels) bytes += static_cast<char>(label);
  for (int channel = 0; channel < 3; ++channel)
    for (int row = 0; row < 32; ++row)
      for (int column = 0; column < 32; ++column)
        bytes += static_cast<char>((3 * row + 5 * column + 7 * channel + first) % 256);
  return bytes;
}

class Cifar : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& bytes) const {
    const std::filesystem::path path = folder_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }
  [[nodiscard]] std::string where(const std::string& name) const { return name + ":" + folder_.path().string(); }
  TemporaryFolder folder_;
};

TEST_F(Cifar, TenReadsPlanesAndLabels) {
  for (int i = 1; i <= 5; ++i)
    write("cifar-10-batches-bin/data_batch_" + std::to_string(i) + ".bin", record({i}, i) + record({0}, 0));
  write("cifar-10-batches-bin/test_batch.bin", record({9}, 100));
  write("cifar-10-batches-bin/batches.meta.txt",
        "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
  const Dataset set = load_dataset(where("cifar10"), {});
  EXPECT_EQ(set.train.labels, (std::vector<std::int32_t>{1, 0, 2, 0, 3, 0, 4, 0, 5, 0}));
  EXPECT_EQ(set.train.count, 10);
  EXPECT_EQ(set.test.labels, std::vector<std::int32_t>{9});
  EXPECT_EQ(set.class_names[9], "truck");
  const std::size_t at = (20 * 32 + 30) * 3 + 2;  // row 20, column 30, blue
  EXPECT_EQ(set.test.bytes[at], (3 * 20 + 5 * 30 + 7 * 2 + 100) % 256);
  EXPECT_EQ(set.train.bytes[2 * 3072 + at], (3 * 20 + 5 * 30 + 7 * 2 + 2) % 256);
}

TEST_F(Cifar, HundredReadsFineLabels) {
  write("train.bin", record({19, 99}, 1));
  write("test.bin", record({3, 42}, 2) + record({4, 0}, 3));
  const Dataset set = load_dataset(where("cifar100"), {});
  EXPECT_EQ(set.classes, 100);
  EXPECT_EQ(set.train.labels, std::vector<std::int32_t>{99});
  EXPECT_EQ(set.test.labels, (std::vector<std::int32_t>{42, 0}));
  EXPECT_EQ(set.test.bytes[3072], 3);
  EXPECT_EQ(set.class_names[42], "class 42");  // no names file
}

TEST_F(Cifar, Mistakes) {
  const auto load = [&](const std::string& spec) { return mistake_of([&] { (void)load_dataset(spec, {}); }); };
  EXPECT_THAT(load("cifar10"), HasSubstr("cifar10:DIR"));
  EXPECT_THAT(load(where("cifar10")), HasSubstr("data_batch_1.bin: no such file"));
  write("train.bin", record({1, 1}, 0));
  write("test.bin", record({1, 1}, 0) + "cut");
  EXPECT_THAT(load(where("cifar100")), HasSubstr("test.bin: cut short in record 1: 3 of 3074 bytes"));
  write("test.bin", record({1, 1}, 0) + record({1, 100}, 0));
  EXPECT_THAT(load(where("cifar100")), HasSubstr("label 100 in record 1, expected 0 to 99"));
  write("test.bin", "");
  EXPECT_THAT(load(where("cifar100")), HasSubstr("test.bin: holds no images"));
  EXPECT_EQ(load_dataset(where("cifar100"), {.test = Half::skip}).train.count, 1);
}

}  // namespace
}  // namespace kelvin
