// PyTorch's files, made hostile by hand (hostile_pytorch.py) and by chance: refused with a mistake, in little memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "engine/weight_file.h"
#include "tests/faults/mutator.h"
#include "tests/fuzz/parsers.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;

const std::filesystem::path kCorpus = std::filesystem::path(KELVIN_SOURCE_DIR) / "tests/fuzz/corpus/pytorch";

// Reads names and elements; the number of the tensors.
std::size_t read_all(const std::filesystem::path& path) {
  const SafetensorsFile file = read_weight_file(path);
  for (const auto& [name, entry] : file.tensors) (void)elements_of(entry);
  return file.tensors.size();
}

TEST(HostilePytorchFiles, AreRefusedWithOneLine) {
  int files = 0;
  for (const std::string& name : names_in(kCorpus))
    if (name.starts_with("hostile_")) {
      SCOPED_TRACE(name);
      EXPECT_NE(mistake_of([&] { (void)read_all(kCorpus / name); }), "");
      ++files;
    }
  EXPECT_GE(files, 100);
}

TEST(HostilePytorchFiles, NamesThatWouldRunAreNamed) {
  const auto refusal = [](const char* name) { return mistake_of([&] { (void)read_all(kCorpus / name); }); };
  EXPECT_THAT(refusal("hostile_call_posix_system.pt"), HasSubstr("posix.system: not part of a state dict"));
  EXPECT_THAT(refusal("hostile_old_call.pt"), HasSubstr("posix.system: not part of a state dict"));
  EXPECT_THAT(refusal("hostile_call_nt_system_by_stack.pt"), HasSubstr("nt.system: not part of a state dict"));
  EXPECT_THAT(refusal("hostile_call_eval.pt"), HasSubstr("__builtin__.eval: not part of a state dict"));
  EXPECT_THAT(refusal("hostile_call_popen_object.pt"), HasSubstr("subprocess.Popen: not part of a state dict"));
  EXPECT_THAT(refusal("hostile_zip_bomb_storage.pt"), HasSubstr("is compressed"));
}

// The same bytes without the fault are read, so each hostile file fails for its own reason.
TEST(HostilePytorchFiles, SeedsAreRead) {
  EXPECT_EQ(read_all(kCorpus / "seed_zip.pt"), 5u);
  EXPECT_EQ(read_all(kCorpus / "seed_before_zip.pt"), 5u);
  // A view of a storage (PyTorch 0.x) begins two elements after it.
  EXPECT_EQ(floats_of(read_weight_file(kCorpus / "seed_view.pt").tensors.at("a")), (std::vector<float>{3, 4, 5, 6}));
  EXPECT_EQ(read_all(kCorpus / "seed_protocol_4.pt"), 1u);
}

TEST(HostilePytorchFiles, ThousandsOfMutations) {
  const std::filesystem::path goldens = std::filesystem::path(KELVIN_GOLDEN_DIR) / "pytorch_files";
  testing::Mutator mutator(24);
  for (const std::filesystem::path& path :
       {kCorpus / "seed_zip.pt", kCorpus / "seed_before_zip.pt", kCorpus / "seed_view.pt",
        kCorpus / "seed_protocol_4.pt", goldens / "layouts.pt", goldens / "layouts_before_1_6.pt",
        goldens / "checkpoint_before_1_6.pt"}) {
    const std::string whole = testing::read_text(path);
    ASSERT_FALSE(whole.empty()) << path;
    for (int i = 0; i < 2000; ++i) {
      const std::string bytes = mutator(whole);
      fuzz::pytorch(std::as_bytes(std::span(bytes)));  // aborts on anything but a consistent file or a mistake
    }
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  EXPECT_LT(usage.ru_maxrss, 1 << 20);  // kilobytes
}

}  // namespace
}  // namespace kelvin
