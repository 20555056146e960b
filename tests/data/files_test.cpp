// Damaged, hostile and odd files: each is refused with exit code 2 and one line that says what is wrong.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <zlib.h>

#include <cstring>
#include <fstream>

#include "data/dataset.h"
#include "data/idx.h"
#include "data/npy.h"
#include "engine/safetensors.h"
#include "engine/tensor_file.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;
using testing::TemporaryFolder;

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* const p = reinterpret_cast<const std::byte*>(text.data());
  return {p, p + text.size()};
}

std::string big_endian(std::uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}

std::string idx(const std::vector<std::uint32_t>& shape, std::size_t data, std::string magic = {}) {
  if (magic.empty()) magic = std::string("\0\0\x08", 3) + static_cast<char>(shape.size());
  std::string text = magic;
  for (const std::uint32_t d : shape) text += big_endian(d);
  return text + std::string(data, '\1');
}

std::string npy(const std::string& header, std::size_t data, char version = 1) {
  std::string text = "\x93NUMPY";
  text += version;
  text += '\0';
  text += static_cast<char>(header.size() & 0xff);
  text += static_cast<char>(header.size() >> 8);
  if (version > 1) text += std::string(2, '\0');
  return text + header + std::string(data, '\0');
}

std::string safetensors(const std::string& header, std::size_t data) {
  std::string text(8, '\0');
  const std::uint64_t n = header.size();
  std::memcpy(text.data(), &n, 8);
  return text + header + std::string(data, '\0');
}

struct Bad {
  const char* name;
  std::string bytes;
  std::string says;
};

class BadIdx : public ::testing::TestWithParam<Bad> {};
TEST_P(BadIdx, IsRefused) {
  const Bad& bad = GetParam();
  EXPECT_THAT(mistake_of([&] { (void)parse_idx("f", {bad.bytes.begin(), bad.bytes.end()}, 3); }), HasSubstr(bad.says));
}
INSTANTIATE_TEST_SUITE_P(
    Files, BadIdx,
    ::testing::Values(Bad{"empty", "", "only 0 bytes"},
                      Bad{"magic", idx({1, 2, 2}, 4, "PK\x08\x03"), "not an IDX file"},
                      Bad{"type", idx({1, 2, 2}, 4, std::string("\0\0\x0d\x03", 4)), "element type 13"},
                      Bad{"rank", idx({4}, 4), "1 dimensions, expected 3"},
                      Bad{"header", idx({1, 2, 2}, 4).substr(0, 10), "inside its header"},
                      Bad{"truncated", idx({3, 2, 2}, 11), "truncated"},
                      Bad{"trailing", idx({3, 2, 2}, 13), "at least 13"},
                      Bad{"huge", idx({0xffffffff, 0xffffffff, 0xffffffff}, 4), "multiply to more"}),
    [](const auto& i) { return std::string(i.param.name); });

class BadNpy : public ::testing::TestWithParam<Bad> {};
TEST_P(BadNpy, IsRefused) {
  const Bad& bad = GetParam();
  EXPECT_THAT(mistake_of([&] { (void)parse_npy("f", bytes_of(bad.bytes)); }), HasSubstr(bad.says));
}
const char* const kGoodHeader = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
INSTANTIATE_TEST_SUITE_P(
    Files, BadNpy,
    ::testing::Values(
        Bad{"empty", "", "not a .npy file"}, Bad{"magic", "NUMPYNUMPYNUMPY", "not a .npy file"},
        Bad{"version", npy(kGoodHeader, 24, 9), "version 9"},
        Bad{"header_past_end", npy(kGoodHeader, 0).substr(0, 30), "truncated"},
        Bad{"oversized_header", npy(std::string(20000, ' '), 0), "at most 10000"},
        Bad{"truncated", npy(kGoodHeader, 23), "truncated"}, Bad{"trailing", npy(kGoodHeader, 25), "holds 25"},
        Bad{"pickle", npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 16), "pickle"},
        Bad{"fortran", npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 24), "Fortran order"},
        Bad{"big_endian", npy("{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", 24), "big-endian"},
        Bad{"structured", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8), "structured"},
        Bad{"overflow", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 8),
            "overflows"},
        Bad{"digits", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }", 8),
            "overflows"},
        Bad{"negative", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }", 8), "no number"},
        Bad{"no_shape", npy("{'descr': '<f8', 'fortran_order': False, }", 8), "no shape"},
        Bad{"unknown_key", npy("{'descr': '<f8', 'order': False, }", 8), "unknown key"},
        Bad{"complex", npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8), "not read"}),
    [](const auto& i) { return std::string(i.param.name); });

TEST(Npy, ReadsWhatNumpyWrites) {
  TemporaryFolder folder;
  const std::vector<float> values = {0.5f, -1.0f, 3.25f, 0.0f, 1e-40f, 7.0f};
  write_npy(folder / "x.npy", std::span<const float>(values), {2, 3});
  const NpyArray back = read_npy(folder / "x.npy");
  EXPECT_EQ(back.to_float(), values);
  EXPECT_EQ(back.shape, (std::vector<std::int64_t>{2, 3}));
  // Python 2's long integers, one dimension, version 2, half precision
  const NpyArray half = parse_npy("f", bytes_of(npy("{'shape': (3L,), 'descr': '<f2', 'fortran_order': False}", 0, 2) +
                                                std::string("\x00\x3c\x00\xc0\x01\x00", 6)));
  EXPECT_EQ(half.to_float(), (std::vector<float>{1.0f, -2.0f, 0x1p-24f}));
}

class BadSafetensors : public ::testing::TestWithParam<Bad> {};
TEST_P(BadSafetensors, IsRefused) {
  const Bad& bad = GetParam();
  EXPECT_THAT(mistake_of([&] { (void)parse_safetensors("f", bytes_of(bad.bytes)); }), HasSubstr(bad.says));
}
INSTANTIATE_TEST_SUITE_P(
    Files, BadSafetensors,
    ::testing::Values(
        Bad{"empty", "", "only 0 bytes"}, Bad{"header_past_end", safetensors("{}", 0).substr(0, 9), "truncated"},
        Bad{"hundred_megabytes", std::string("\xff\xff\xff\xff\0\0\0\0", 8) + "{}", "at most 100000000"},
        Bad{"no_json", safetensors("hello", 0), "byte 9: not valid JSON"},
        Bad{"no_object", safetensors("[1]", 0), "not a JSON object"},
        Bad{"duplicate",
            safetensors(
                R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                8),
            "stands twice"},
        Bad{"dtype", safetensors(R"({"a":{"dtype":"F12","shape":[1],"data_offsets":[0,4]}})", 4), "unknown dtype"},
        Bad{"shape_size", safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4), "needs 8"},
        Bad{"overflow", safetensors(R"({"a":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,4]}})", 4),
            "overflows"},
        Bad{"negative", safetensors(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4), "non-negative"},
        Bad{"fraction", safetensors(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4), "non-negative"},
        Bad{"past_end", safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4),
            "end at data byte 8"},
        Bad{"hole", safetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8), "hole"},
        Bad{"overlap",
            safetensors(
                R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                8),
            "overlap"},
        Bad{"trailing", safetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 5), "the file at 5"},
        Bad{"metadata", safetensors(R"({"__metadata__":{"a":1}})", 0), "not a string"}),
    [](const auto& i) { return std::string(i.param.name); });

// The README's own example, byte for byte.
TEST(Safetensors, ReadsTheFormatsExample) {
  const std::string header = R"({"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}})";
  ASSERT_EQ(header.size(), 0x3cu);
  const SafetensorsFile file = parse_safetensors("f", bytes_of(safetensors(header, 16)));
  EXPECT_EQ(file.tensors.at("test").shape, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(byte_count(file.tensors.at("test")), 16u);
}

TEST(Safetensors, RoundTrip) {
  TemporaryFolder folder;
  const std::vector<float> a = {1, 2, 3, 4, 5, 6};
  const std::map<std::string, SafetensorsEntry> tensors = {{"b.weight", {"F32", {2, 3}, std::as_bytes(std::span(a))}},
                                                           {"empty", {"F32", {0, 3}, {}}}};
  write_safetensors(folder / "w.safetensors", tensors, {{"note", "päivää \"x\""}});
  const SafetensorsFile back = read_safetensors(folder / "w.safetensors");
  EXPECT_EQ(back.tensors.at("b.weight").shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(std::memcmp(elements_of(back.tensors.at("b.weight")).data(), a.data(), 24), 0);
  EXPECT_EQ(back.metadata.at("note"), "päivää \"x\"");
}

TEST(Safetensors, NothingHalfWritten) {
  EXPECT_THAT(mistake_of([] { write_safetensors("/proc/nowhere/w.safetensors", {}, {}); }),
              HasSubstr("there is no folder /proc/nowhere"));
}

// Folders of a user's own set.
class NpyDataset : public ::testing::Test {
 protected:
  void images(const std::string& half, const std::string& bytes) { write(folder_ / (half + "_images.npy"), bytes); }
  void labels(const std::string& half, const std::string& bytes) { write(folder_ / (half + "_labels.npy"), bytes); }
  static std::string u1(const std::string& shape, std::size_t n) {
    return npy("{'descr': '|u1', 'fortran_order': False, 'shape': " + shape + ", }", n);
  }
  std::string load(DatasetOptions options = {}) {
    return mistake_of([&] { (void)load_dataset("npy:" + folder_.path().string(), options); });
  }
  TemporaryFolder folder_;
};

TEST_F(NpyDataset, Mistakes) {
  EXPECT_THAT(load(), HasSubstr("train_images.npy: no such file"));
  images("train", u1("(2, 4, 4)", 32));
  labels("train", u1("(2,)", 2));
  EXPECT_THAT(load({.test = Half::optional}), HasSubstr("expected (N, H, W, C)"));
  images("train", u1("(0, 4, 4, 1)", 0));
  EXPECT_THAT(load({.test = Half::optional}), HasSubstr("holds no images"));
  images("train", u1("(2, 4, 4, 2)", 64));
  EXPECT_THAT(load({.test = Half::optional}), HasSubstr("2 channels"));
  images("train", u1("(2, 4, 4, 1)", 32));
  labels("train", u1("(3,)", 3));
  EXPECT_THAT(load({.test = Half::optional}), HasSubstr("3 labels for 2 images"));
  labels("train", npy("{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }", 0) + std::string("\1\0\xff\xff", 4));
  EXPECT_THAT(load({.test = Half::optional}), HasSubstr("label -1 at row 1"));
  labels("train", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8));
  EXPECT_THAT(load({.test = Half::optional}), HasSubstr("expected integers"));
  labels("train", u1("(2,)", 2));
  const float bad[16] = {0, 0.5f, std::nanf("")};
  images("train", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2, 4, 1), }", 0) +
                      std::string(reinterpret_cast<const char*>(bad), 64));
  EXPECT_THAT(load({.test = Half::optional}), HasSubstr("image 0, element 2 is nan"));
  images("train", u1("(2, 4, 4, 1)", 32));
  EXPECT_THAT(load(), HasSubstr("test_images.npy: no such file"));
  // One file of a pair is not a set without that half.
  images("test", u1("(2, 4, 4, 1)", 32));
  EXPECT_THAT(load({.test = Half::optional}), HasSubstr("test_labels.npy: no such file"));
  std::filesystem::rename(folder_ / "test_images.npy", folder_ / "test_labels.npy");
  EXPECT_THAT(load({.test = Half::optional}), HasSubstr("test_images.npy: no such file"));
  std::filesystem::remove(folder_ / "test_labels.npy");
  labels("train", npy("{'descr': '<u8', 'fortran_order': False, 'shape': (2,), }", 8) + std::string(8, '\xff'));
  EXPECT_THAT(load({.test = Half::optional}), HasSubstr("element 1 is 18446744073709551615"));
  labels("train", u1("(2,)", 2));
  const Dataset good = load_dataset("npy:" + folder_.path().string(), {.test = Half::optional});
  EXPECT_EQ(good.train.count, 2);
  EXPECT_EQ(good.classes, 2);
}

// Sparse files of 8 GB: one that does not match the labels, or has another shape, is refused before memory is allocated.
TEST_F(NpyDataset, SparseFilesTakeNoMemory) {
  const auto sparse = [&](const std::string& name, const std::string& shape) {
    write(folder_ / name, npy("{'descr': '|u1', 'fortran_order': False, 'shape': " + shape + ", }", 0));
    std::filesystem::resize_file(folder_ / name, std::filesystem::file_size(folder_ / name) + 8'000'000'000);
  };
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  sparse("train_images.npy", "(2000, 2000, 2000, 1)");
  labels("train", u1("(2,)", 2));
  EXPECT_THAT(load({.test = Half::optional}), HasSubstr("2 labels for 2000 images"));
  sparse("train_images.npy", "(8000000000,)");
  EXPECT_THAT(load({.test = Half::optional}), HasSubstr("expected (N, H, W, C)"));
  images("train", u1("(2, 4, 4, 1)", 32));
  sparse("train_labels.npy", "(8000000000,)");
  EXPECT_THAT(load({.test = Half::optional}), HasSubstr("8000000000 labels for 2 images"));
  sparse("train_images.npy", "(2, 4, 4, 1)");
  EXPECT_THAT(load({.test = Half::optional}), HasSubstr("needs 32 bytes"));
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 50'000);
}

TEST(Safetensors, ElementsAreReadWhenTheyAreUsed) {
  TemporaryFolder folder;
  write(folder / "w.safetensors",
        safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                    R"("b":{"dtype":"U8","shape":[8000000000],"data_offsets":[8,8000000008]},"__metadata__":null})",
                    0));
  std::filesystem::resize_file(folder / "w.safetensors",
                               std::filesystem::file_size(folder / "w.safetensors") + 8'000'000'008);
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  const SafetensorsFile file = read_safetensors(folder / "w.safetensors");
  EXPECT_EQ(byte_count(file.tensors.at("b")), 8'000'000'000u);
  EXPECT_EQ(floats_of(file.tensors.at("a")), (std::vector<float>{0, 0}));
  EXPECT_TRUE(file.metadata.empty());  // null is none
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 50'000);
}

TEST(Safetensors, OtherFilesAreCalledWhatTheyAre) {
  TemporaryFolder folder;
  const auto refusal = [&](const std::string& bytes) {
    write(folder / "f", bytes);
    return mistake_of([&] { (void)read_safetensors(folder / "f"); });
  };
  EXPECT_THAT(refusal(std::string("PK\3\4\0\0\10\10\0\0", 10)), HasSubstr("f: is a zip file, as PyTorch writes .pt"));
  EXPECT_THAT(refusal(std::string("PK\3\4\0\0\0\0\0\0", 10)),
              HasSubstr("save_file(torch.load(FILE, weights_only=True)"));
  EXPECT_THAT(refusal("\x80\x02}q\x01(X\x03"), HasSubstr("is a Python pickle"));
  EXPECT_THAT(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:1\n"),
              HasSubstr("is a git-lfs pointer, not the file itself; fetch it with: git lfs pull"));
  EXPECT_THAT(refusal("\n <!DOCTYPE html>\n<html>"), HasSubstr("is a web page or XML, not the file itself"));
  EXPECT_THAT(refusal("<"), HasSubstr("web page"));
  EXPECT_THAT(refusal(std::string("\x1f\x8b\x08\0\0\0\0\0\0\3", 10)), HasSubstr("is a gzip file"));
  EXPECT_THAT(refusal("{\"a\": 1}"), HasSubstr("is JSON, expected safetensors, or an index"));
}

TEST(Safetensors, ShardsAreReadByTheirIndex) {
  TemporaryFolder folder;
  const std::vector<float> a = {1, 2}, b = {3};
  write_safetensors(folder / "m-00001-of-00002.safetensors",
                    {{"a", {"F32", {2}, std::as_bytes(std::span(a))}}, {"spare", {"F32", {0}, {}}}}, {});
  write_safetensors(folder / "m-00002-of-00002.safetensors", {{"b", {"F32", {1}, std::as_bytes(std::span(b))}}}, {});
  const auto index = [&](const std::string& second) {
    write(folder / "m.safetensors.index.json",
          R"({"metadata": {"total_size": 12}, "weight_map": {"a": "m-00001-of-00002.safetensors", "b": ")" + second +
              "\"}}");
  };
  const auto refusal = [&](const std::string& second) {
    index(second);
    return mistake_of([&] { (void)read_safetensors(folder / "m.safetensors.index.json"); });
  };
  index("m-00002-of-00002.safetensors");
  const SafetensorsFile file = read_safetensors(folder / "m.safetensors.index.json");
  ASSERT_EQ(file.tensors.size(), 2u);
  EXPECT_EQ(floats_of(file.tensors.at("a")), a);
  EXPECT_EQ(floats_of(file.tensors.at("b")), b);
  EXPECT_THAT(refusal("m-00003-of-00002.safetensors"),
              HasSubstr("names m-00003-of-00002.safetensors, which is not in"));
  EXPECT_THAT(refusal("m-00001-of-00002.safetensors"),
              HasSubstr("looks for b in m-00001-of-00002.safetensors, which does not hold"));
  for (const char* name : {"../m", "/etc/passwd", "..", "", "a/b", "x\\u0000y"})
    EXPECT_THAT(refusal(name), HasSubstr("which is no plain file name")) << name;
  EXPECT_THAT(refusal("m.safetensors.index.json"), HasSubstr("is JSON, expected a shard"));
}

// The content of a gzipped file is bounded by the size in its header.
TEST(Idx, ABombIsGunzippedNoFurtherThanItsHeader) {
  TemporaryFolder folder;
  const std::string path = (folder / "bomb.gz").string();
  const gzFile out = gzopen(path.c_str(), "wb1");
  const std::string header = idx({2, 28, 28}, 0), zeros(1u << 20, '\0');
  gzwrite(out, header.data(), static_cast<unsigned>(header.size()));
  for (int i = 0; i < 50; ++i) gzwrite(out, zeros.data(), static_cast<unsigned>(zeros.size()));
  gzclose(out);
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  EXPECT_THAT(mistake_of([&] { (void)read_idx(path, 3); }),
              HasSubstr("promises 1568 bytes of data from byte 16 on, the file holds at least 1569"));
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 20'000);
}

TEST(FashionMnist, Mistakes) {
  TemporaryFolder folder;
  const std::string spec = "fashion-mnist:" + folder.path().string();
  const auto load = [&] { return mistake_of([&] { (void)load_dataset(spec, {.test = Half::optional}); }); };
  EXPECT_THAT(load(), HasSubstr("dataset-fashion-mnist"));
  write(folder / "train-images-idx3-ubyte", idx({2, 28, 28}, 2 * 784));
  write(folder / "train-labels-idx1-ubyte", idx({3}, 3));
  EXPECT_THAT(load(), HasSubstr("3 labels for 2 images"));
  write(folder / "train-labels-idx1-ubyte", idx({2}, 1) + '\x0a');
  EXPECT_THAT(load(), HasSubstr("label 10 at row 1"));
  write(folder / "train-labels-idx1-ubyte", idx({2}, 2));
  EXPECT_EQ(load_dataset(spec, {.test = Half::optional}).train.count, 2);
  write(folder / "train-images-idx3-ubyte.gz", std::string("\x1f\x8b\x08\0\0\0\0\0\0\3", 10) + "damaged");
  EXPECT_THAT(load(), HasSubstr("damaged gzip"));
}

TEST(FashionMnist, IsTheSetOfThePaper) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist"))
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  const Dataset set = load_dataset("fashion-mnist", {});
  EXPECT_EQ(set.train.count, 60000);
  EXPECT_EQ(set.test.count, 10000);
  std::vector<std::int64_t> per_class(10);
  for (const std::int32_t label : set.test.labels) ++per_class[static_cast<std::size_t>(label)];
  EXPECT_EQ(per_class, std::vector<std::int64_t>(10, 1000));
  std::vector<float> mean, std;
  measure_normalization(set.train, mean, std);
  EXPECT_NEAR(mean[0], set.mean[0], 5e-5);  // the constants are given to four digits
  EXPECT_NEAR(std[0], set.std[0], 5e-5);
}

TEST(Dataset, UnknownNames) {
  EXPECT_THAT(
      mistake_of([] { (void)load_dataset("imagenet21k", {}); }),
      HasSubstr("known: cifar10, cifar10.1, cifar100, fashion-mnist, folder, imagenet, npy, synthetic, tiny-imagenet"));
  EXPECT_THAT(mistake_of([] { (void)load_dataset("synthetic:clases=3", {}); }), HasSubstr("unknown option 'clases'"));
  EXPECT_THAT(mistake_of([] { (void)load_dataset("synthetic:classes=x", {}); }), HasSubstr("no number"));
  EXPECT_THAT(mistake_of([] { (void)load_dataset("synthetic:train=0.5", {}); }), HasSubstr("train=0.5 is no whole"));
  // A half without images is a mistake where it is needed, and only there.
  EXPECT_THAT(mistake_of([] { (void)load_dataset("synthetic:train=0", {}); }), HasSubstr("holds no training images"));
  EXPECT_THAT(mistake_of([] { (void)load_dataset("synthetic:test=0", {}); }), HasSubstr("holds no test images"));
  EXPECT_EQ(load_dataset("synthetic:train=0,test=4", {.train = Half::skip}).test.count, 4);
  EXPECT_EQ(load_dataset("synthetic:train=4,test=0", {.test = Half::optional}).train.count, 4);
}

}  // namespace
}  // namespace kelvin
