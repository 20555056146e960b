// Corrupted test sets that were made before: CIFAR-10-C and CIFAR-100-C (one .npy a corruption), Tiny-ImageNet-C (folders), and what
// `kelvin corrupt --save` writes.
//
//   CIFAR-C layout     CORRUPTION.npy uint8 (5n, H, W, C): severity s in rows n(s−1) to ns, images in the order of the test set; labels.npy
//                      (5n,). Where severities.npy lies beside – no part of the published layout – it lists the severities that the
//                      blocks hold instead of 1 to 5.
//   folder layout      CORRUPTION/SEVERITY/CLASS/image. The folders of Tiny-ImageNet-C are wnids. Its frost folder as first published
//                      holds 1,000 classes; folders of foreign classes are passed over and counted in notes(). ImageNet-C: the files that are
//                      named as the clean images, in their order, read as they are used; of 224x224 pixels, of which larger ones lose the edges.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/npy.h"

namespace kelvin {

class CorruptedFiles {
 public:
  // `clean` gives classes, their folders, and the size that images must have. Mistakes: neither layout found, labels out of range,
  // files of another number of severities.
  CorruptedFiles(std::filesystem::path folder, const Dataset& clean);

  // Corruptions that lie there, sorted by name.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] const std::vector<int>& severities() const { return severities_; }

  // Whether image i is test image i, corrupted (CIFAR-C layout, ImageNet-C), or some other photograph (Tiny-ImageNet-C).
  [[nodiscard]] bool is_paired() const { return is_npy_ || !clean_.test_files.empty(); }
  // A mistake where the corruption or one of the severities is not there; for a check before any work.
  void require(const std::string& name, const std::vector<int>& severities) const;

  // The first `limit` images of one corruption and severity (0: all). Mistakes name file and what is wrong: absent, another size, another
  // number of images than labels, a class without images.
  [[nodiscard]] ImageSet load(const std::string& name, int severity, std::int64_t limit);

  // What a reader should know, a line each; complete after the loads.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  void check_blocks(const std::filesystem::path& labels) const;
  [[nodiscard]] ImageSet load_block(const std::string& name, int severity, std::int64_t limit);
  [[nodiscard]] ImageSet load_folders(const std::string& name, int severity, std::int64_t limit);
  [[nodiscard]] ImageSet load_named(const std::string& name, int severity, std::int64_t limit) const;

  std::filesystem::path folder_;
  const Dataset& clean_;
  bool is_npy_ = false;
  std::vector<std::string> names_, notes_;
  std::vector<int> severities_;
  std::vector<std::int32_t> labels_;  // CIFAR-C layout: of all blocks
  NpyArray array_;                    // the file read last
};

// Writes the CIFAR-C layout, a corruption at a time: its severities must follow each other.
class CorruptedWriter {
 public:
  // Makes the folder. A mistake when it cannot.
  CorruptedWriter(std::filesystem::path folder, std::vector<int> severities);
  // The mistakes of `add`, before there is anything to add.
  void require(const std::vector<std::string>& names, const ImageSet& images) const;
  void add(const std::string& name, int severity, const ImageSet& images);

 private:
  std::filesystem::path folder_;
  std::vector<int> severities_;
  std::vector<std::uint8_t> pixels_;
  std::vector<std::int64_t> labels_;
  bool has_labels_ = false;
};

}  // namespace kelvin
