// Damaged versions of every kind of file that the program reads: bytes changed, cut off, put together from two places, brackets and
// large numbers put in. The program ends with 0 or with 2 and one line, in bounded memory and time, whatever the file holds.
#include <gmock/gmock.h>
#include <zlib.h>

#include "data/npy.h"
#include "tests/data/image_writer.h"
#include "tests/faults/faults_test.h"
#include "tests/faults/mutator.h"

namespace kelvin {
namespace {

using namespace testing;
using Path = std::filesystem::path;

void write_text(const Path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

class Mutations : public FaultsTest {
 protected:
  Mutations() {
    place_ = fresh("place");
    done(place_, std::string("train ") + kData + "--epochs 1 --out run");
  }
  // The commands see `count` damaged versions of the file in turn (thirty times as many in the long form).
  void mutate(const Path& path, const std::vector<std::string>& commands, int count,
              const std::vector<int>& codes = {0, 2}) {
    const std::string whole = read_text(path);
    ASSERT_FALSE(whole.empty()) << path;
    Mutator mutator(static_cast<std::uint32_t>(std::hash<std::string>()(path.filename().string())));
    for (int i = 0; i < (is_long() ? 30 * count : count); ++i) {
      write_text(path, mutator(whole));
      const std::string& command = commands[static_cast<std::size_t>(i) % commands.size()];
      Setting setting = quick();
      setting.limits = {.seconds = 120, .address_space = 6ull << 30};
      const Ending ending = run_trial(place_, words(command), setting);
      expect_contract(ending, codes, command + " with " + path.filename().string() + " of " + std::to_string(i),
                      /*allows_notes=*/true);
      EXPECT_LT(ending.peak_bytes, 1ll << 30) << command << " with " << path << " of " << i;
      if (HasFailure()) {
        keep(path, i);
        if (!is_long()) return;
      }
    }
    write_text(path, whole);
  }
  // Kept for debugging a failure.
  void keep(const Path& path, int number) const {
    const char* const folder = std::getenv("KELVIN_FAULTS_KEEP");
    if (folder == nullptr) return;
    std::filesystem::create_directories(folder);
    std::filesystem::copy_file(path, Path(folder) / (std::to_string(number) + "-" + path.filename().string()),
                               std::filesystem::copy_options::overwrite_existing);
  }
  void write_images(const std::string& set, const std::string& extension) const {
    for (const char* half : {"train", "test"})
      for (const char* name : {"a", "b"}) write_image(place_ / set / half / name / ("x" + extension), 6, 6, 3, name[0]);
  }
  Path place_;
};

TEST_F(Mutations, Safetensors) {
  std::filesystem::copy_file(place_ / "run/checkpoint.safetensors", place_ / "w.safetensors");
  mutate(place_ / "w.safetensors",
         {"weights inspect w.safetensors",
          "evaluate --weights w.safetensors --data synthetic:train=4,test=8,size=4,classes=3 --quiet",
          std::string("train ") + kData + "--epochs 1 --init w.safetensors --out tuned"},
         20);
}

TEST_F(Mutations, Pytorch) {
  for (const std::string name : {"mlp.pt", "mlp_before_1_6.pt"}) {
    std::filesystem::copy_file(Path(KELVIN_GOLDEN_DIR) / "pytorch_files" / name, place_ / name);
    mutate(place_ / name,
           {"weights inspect " + name,
            "evaluate --model mlp --no-normalize --data synthetic:train=4,test=8,size=4,classes=3 --quiet --weights " +
                name,
            std::string("train ") + kData + "--epochs 1 --out tuned --overwrite --init " + name,
            "weights import --model mlp --no-normalize --size 4 --channels 1 --out own.safetensors " + name},
           35);
  }
}

// Made by hand (tests/fuzz/hostile_pytorch.py): every one is a mistake.
TEST_F(Mutations, HostilePytorch) {
  const Path corpus = Path(KELVIN_SOURCE_DIR) / "tests/fuzz/corpus/pytorch";
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(corpus))
    names.push_back(entry.path().filename().string());
  std::erase_if(names, [](const std::string& name) { return !name.starts_with("hostile_"); });
  std::sort(names.begin(), names.end());
  ASSERT_GE(names.size(), 100u);
  for (const std::size_t i : chosen(names.size(), 35)) {
    Setting setting = quick();
    setting.limits = {.seconds = 60, .address_space = 6ull << 30};
    const Ending ending = run_trial(place_, {"weights", "inspect", (corpus / names[i]).string()}, setting);
    expect_contract(ending, {2}, names[i]);
    EXPECT_LT(ending.peak_bytes, 1ll << 30) << names[i];
  }
}

TEST_F(Mutations, Checkpoint) {
  mutate(place_ / "run/checkpoint.safetensors",
         {"train --resume --out run --quiet", "report run --out r.html", "evaluate run --limit 4 --quiet"}, 20);
}

TEST_F(Mutations, Npy) {
  done(place_, "attack run --steps 1 --limit 8 --save-adversarial images.npy --quiet");
  mutate(place_ / "images.npy",
         {"predict --weights run/checkpoint.safetensors --input images.npy --output z.npy", "data verify images.npy"},
         20);
}

TEST_F(Mutations, NpySets) {
  const std::vector<std::uint8_t> pixels(6 * 16, 9), labels = {0, 1, 2, 0, 1, 2};
  for (const char* half : {"train", "test"}) {
    write_npy(place_ / (std::string(half) + "_images.npy"), std::span<const std::uint8_t>(pixels), {6, 4, 4, 1});
    write_npy(place_ / (std::string(half) + "_labels.npy"), std::span<const std::uint8_t>(labels), {6});
  }
  for (const char* name : {"test_images.npy", "test_labels.npy"})
    mutate(place_ / name, {"evaluate run --data npy:. --quiet", "data verify ."}, 10);
}

TEST_F(Mutations, Idx) {
  const auto idx = [](int rank, const std::string& sizes, std::size_t bytes) {
    return std::string("\0\0\x08", 3) + static_cast<char>(rank) + sizes + std::string(bytes, '\1');
  };
  const auto size = [](int n) { return std::string("\0\0\0", 3) + static_cast<char>(n); };
  for (const char* half : {"train", "t10k"}) {
    write_text(place_ / "idx" / (std::string(half) + "-images-idx3-ubyte"),
               idx(3, size(4) + size(28) + size(28), 4 * 784));
    write_text(place_ / "idx" / (std::string(half) + "-labels-idx1-ubyte"), idx(1, size(4), 4));
  }
  mutate(place_ / "idx/train-images-idx3-ubyte", {"data verify idx"}, 10);
  mutate(place_ / "idx/t10k-labels-idx1-ubyte", {"data verify idx"}, 10);
  // The same, gzipped.
  const Path images = place_ / "idx/t10k-images-idx3-ubyte", packed = images.string() + ".gz";
  const std::string bytes = read_text(images);
  const gzFile out = gzopen(packed.c_str(), "wb");
  gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(out);
  std::filesystem::remove(images);
  mutate(packed, {"data verify idx"}, 15);
}

TEST_F(Mutations, Images) {
  for (const char* extension : {".png", ".jpg", ".bmp"}) {
    const std::string set = std::string("set") + (extension + 1);
    write_images(set, extension);
    mutate(place_ / set / "train/a" / (std::string("x") + extension), {"data verify " + set}, 20);
  }
}

TEST_F(Mutations, Annotations) {
  write_text(place_ / "tiny/wnids.txt", "n02\nn01\n");
  write_text(place_ / "tiny/words.txt", "n01\tgoldfish\nn02\tspider\n");
  for (const char* wnid : {"n01", "n02"})
    write_image(place_ / "tiny/train" / wnid / "images" / (std::string(wnid) + "_0.JPEG"), 64, 64, 3, wnid[2]);
  write_image(place_ / "tiny/val/images/val_0.JPEG", 64, 64, 3, 5);
  write_text(place_ / "tiny/val/val_annotations.txt", "val_0.JPEG\tn02\t0\t0\t9\t9\n");
  for (const char* name : {"wnids.txt", "words.txt", "val/val_annotations.txt"})
    mutate(place_ / "tiny" / name, {"data verify tiny"}, 7);
}

// Options on the command line win, so that no damage makes a long training of a short one; a learning rate may make it diverge (3).
TEST_F(Mutations, Configuration) {
  std::filesystem::copy_file(place_ / "run/config.toml", place_ / "c.toml");
  mutate(place_ / "c.toml",
         {std::string("train --config c.toml --epochs 1 --out other --device cpu ") + kData,
          "evaluate run --limit 4 --config c.toml"},
         25, {0, 2, 3});
  mutate(place_ / "run/config.toml", {"train --resume --out run --epochs 1 --quiet", "report run --out r.html"}, 25);
}

TEST_F(Mutations, Results) {
  done(place_, "evaluate run --limit 8 --quiet");
  done(place_, "attack run --steps 1 --limit 8 --quiet");
  for (const auto& entry : std::filesystem::directory_iterator(place_ / "run/results"))
    mutate(entry.path(), {"report run --out r.html"}, 8);
  mutate(place_ / "run/results/train.json", {"train --resume --out run --quiet"}, 8);
}

TEST_F(Mutations, Metrics) {
  mutate(place_ / "run/metrics.jsonl", {"report run --out r.html", "train --resume --out run --epochs 1 --quiet"}, 20);
}

TEST_F(Mutations, CellsOfASweep) {
  const std::string sweep =
      std::string("sweep ") + kData + "--epochs 1 --grid tau=1,50 --attack-limit 8 --measure clean --out swept";
  done(place_, sweep);
  mutate(place_ / "swept/tau-1_seed-0/cell.json", {sweep, "report swept/tau-1_seed-0 --out r.html"}, 4);
  mutate(place_ / "swept/tau-1_seed-0/results/done.json", {sweep}, 3);
}

TEST_F(Mutations, IndexOfShards) {
  write_text(place_ / "model.safetensors.index.json",
             R"({"metadata":{"total_size":8},"weight_map":{"fc1.weight":"run/checkpoint.safetensors"}})");
  mutate(place_ / "model.safetensors.index.json", {"weights inspect model.safetensors.index.json"}, 15);
}

}  // namespace
}  // namespace kelvin
