#include "data/verify.h"

#include <algorithm>
#include <functional>
#include <map>

#include "data/corrupted_files.h"
#include "data/corruptions.h"
#include "data/dataset.h"
#include "data/image_folders.h"
#include "data/npy.h"
#include "data/sources.h"
#include "engine/digest.h"
#include "engine/input_file.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

// Published sizes.
struct Expected {
  std::int64_t train, test;
  int classes;
};
const std::map<std::string, Expected> kExpected = {{"cifar10", {50000, 10000, 10}},
                                                   {"cifar100", {50000, 10000, 100}},
                                                   {"fashion-mnist", {60000, 10000, 10}},
                                                   {"tiny-imagenet", {100000, 10000, 200}},
                                                   {"cifar10.1", {0, 2000, 10}}};  // v6
constexpr const char* kTinyImagenetC = "brightness/1";                             // a folder that only it has

// Runs f; its mistake becomes a problem.
void attempt(Verification& v, const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    if (e.code() != ExitCode::mistake) throw;
    v.problems.emplace_back(e.what());
  }
}

VerifiedPart describe(const std::string& name, const ImageSet& set, int classes) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(classes), 0);
  for (const std::int32_t label : set.labels) ++counts[static_cast<std::size_t>(label)];
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  return {name, set.count, set.height, set.width, set.channels, *least, *most};
}

// Which loader a folder belongs to, by a file or folder that only it has.
std::string recognise(const Path& folder) {
  const std::pair<const char*, const char*> marks[] = {{"data_batch_1.bin", "cifar10"},
                                                       {"cifar-10-batches-bin", "cifar10"},
                                                       {"train.bin", "cifar100"},
                                                       {"cifar-100-binary", "cifar100"},
                                                       {"test_batch.bin", "cifar10"},
                                                       {"wnids.txt", "tiny-imagenet"},
                                                       {"tiny-imagenet-200", "tiny-imagenet"},
                                                       {"cifar10.1_v6_data.npy", "cifar10.1"},
                                                       {"cifar10.1_v4_data.npy", "cifar10.1"},
                                                       {kTinyImagenetC, "tiny-imagenet-c"},
                                                       {"train-images-idx3-ubyte.gz", "fashion-mnist"},
                                                       {"train-images-idx3-ubyte", "fashion-mnist"},
                                                       {"train_images.npy", "npy"},
                                                       {"test_images.npy", "npy"}};
  for (const auto& [mark, name] : marks)
    if (is_there(folder / mark)) return name;
  return "";
}

void verify_set(Verification& v, const std::string& kind, const Path& folder) {
  const auto load = [&](Half train, Half test) {
    return load_dataset(kind + ":" + folder.string(), {.train = train, .test = test, .uses_cache = false});
  };
  const auto check = [&](const char* half, const ImageSet& set, int classes, std::int64_t published) {
    const VerifiedPart part = v.parts.emplace_back(describe(half, set, classes));
    if (published == 0) return;
    if (set.count != published)
      v.problems.push_back(str(half, ": ", set.count, " images, published ", published));
    else if (kind != "cifar10.1" && part.least != part.most)
      v.problems.push_back(
          str(half, ": from ", part.least, " to ", part.most, " images a class, published ", published / classes));
  };
  const bool is_known = kExpected.contains(kind) && !is_there(folder / "cifar10.1_v4_data.npy");
  const Expected expected = is_known ? kExpected.at(kind) : Expected{0, 0, 0};
  // The halves apart, so that one damaged half does not hide the other.
  attempt(v, [&] {
    if (kind == "cifar10.1") return;
    const Dataset set = load(Half::optional, Half::skip);
    v.notes.insert(v.notes.end(), set.notes.begin(), set.notes.end());
    if (set.train.count == 0) return;
    check("train", set.train, set.classes, expected.train);
  });
  attempt(v, [&] {
    const Dataset set = load(Half::skip, Half::optional);
    for (const std::string& note : set.notes)
      if (std::find(v.notes.begin(), v.notes.end(), note) == v.notes.end()) v.notes.push_back(note);
    if (set.test.count == 0) return;
    check("test", set.test, set.classes, expected.test);
    if (is_known && set.classes != expected.classes)
      v.problems.push_back(str(set.classes, " classes, published ", expected.classes));
  });
  if (v.parts.empty() && v.problems.empty()) v.problems.push_back("neither a train nor a test half lies there");
}

// Each of the `known` corruptions in full. `published`: images of a severity; 0: any number.
void verify_corruptions(Verification& v, CorruptedFiles& files, const std::vector<std::string>& known, int classes,
                        std::int64_t published) {
  for (const std::string& name : known) {
    if (std::find(files.names().begin(), files.names().end(), name) == files.names().end()) {
      v.problems.push_back(str(name, files.is_paired() ? ".npy" : "", " is missing"));
      continue;
    }
    attempt(v, [&] {
      VerifiedPart part;
      for (const int severity : files.severities()) {
        const ImageSet set = files.load(name, severity, 0);
        if (published != 0 && set.count != published)
          v.problems.push_back(str(name, ", severity ", severity, ": ", set.count, " images, published ", published));
        const VerifiedPart block = describe(name, set, classes);
        part = {name,
                part.images + block.images,
                block.height,
                block.width,
                block.channels,
                severity == files.severities().front() ? block.least : std::min(part.least, block.least),
                std::max(part.most, block.most)};
      }
      v.parts.push_back(part);
    });
  }
}

// Tiny-ImageNet-C on its own: its classes are the folders of one corruption.
void verify_tiny_imagenet_c(Verification& v, const Path& folder) {
  const Expected& clean = kExpected.at("tiny-imagenet");
  attempt(v, [&] {
    Dataset like;
    like.name = "this set";
    like.class_folders = subfolders(folder / kTinyImagenetC);
    like.classes = static_cast<int>(like.class_folders.size());
    like.test.height = like.test.width = 64, like.test.channels = 3;
    if (like.classes != clean.classes) v.problems.push_back(str(like.classes, " classes, published ", clean.classes));
    CorruptedFiles files(folder, like);
    verify_corruptions(v, files, corruption_names(), like.classes, clean.test);
    v.notes.insert(v.notes.end(), files.notes().begin(), files.notes().end());
  });
}

// A corrupted set on its own: sizes and classes come from its first file.
void verify_corrupted(Verification& v, const Path& folder) {
  Dataset like;
  like.name = "this set";
  std::vector<std::string> known = corruption_names();
  for (const std::string& name : extra_corruption_names()) known.push_back(name);
  attempt(v, [&] {
    for (const std::int64_t label : read_npy(folder / "labels.npy").to_int())
      like.classes = std::max(like.classes, static_cast<int>(std::clamp<std::int64_t>(label, 0, 255)) + 1);
    for (const std::string& name : known)
      if (like.test.height == 0 && is_there(folder / (name + ".npy"))) {
        const NpyArray a = read_npy(folder / (name + ".npy"));
        if (a.shape.size() != 4) throw mistake(a.path.string(), ": shape ", a.shape_text(), ", expected (N, H, W, C)");
        like.test.height = a.shape[1], like.test.width = a.shape[2], like.test.channels = a.shape[3];
      }
    CorruptedFiles files(folder, like);
    verify_corruptions(v, files, known, like.classes, 0);
  });
}

void verify_file(Verification& v, const Path& path) {
  v.notes.push_back(str("sha256 ", sha256_of(path)));
  for (const DataSource& source : data_sources())
    for (const SourceFile& file : source.files) {
      if (path.filename() != file.name) continue;
      v.kind = "file of " + source.name;
      if (file.digest.empty()) {
        v.notes.push_back("no published digest is known for it");
      } else if (const std::string found = md5_of(path); found == file.digest) {
        v.notes.push_back(str("md5 ", found, ", as published"));
      } else {
        v.problems.push_back(str(path.string(), ": md5 ", found, ", published ", file.digest));
      }
    }
  if (path.extension() != ".npy") return;
  if (v.kind.empty()) v.kind = "npy";
  attempt(v, [&] {
    const NpyArray a = read_npy(path);
    v.notes.push_back(str("elements of type ", a.type, ", shape ", a.shape_text()));
  });
}

}  // namespace

Verification verify(const Path& path) {
  if (!is_there(path)) throw mistake(path.string(), ": no such file or folder");
  Verification v;
  if (!is_folder(path)) {
    verify_file(v, path);
    if (v.kind.empty())
      throw mistake(path.string(),
                    ": not recognised; expected a set's folder, its archive under its published name, or a .npy");
    return v;
  }
  v.kind = recognise(path);
  if (v.kind.empty() && is_there(path / "labels.npy")) {
    v.kind = "CIFAR-C layout";
    verify_corrupted(v, path);
  } else if (v.kind == "tiny-imagenet-c") {
    verify_tiny_imagenet_c(v, path);
  } else {
    if (v.kind.empty()) v.kind = "folder";
    verify_set(v, v.kind, path);
  }
  return v;
}

std::vector<std::string> problems_of_published(const std::string& name, const Path& folder) {
  const Verification v = verify(folder);
  if (v.kind != name) return {str("it looks like ", v.kind)};
  std::vector<std::string> problems = v.problems;
  const auto expect_half = [&](const char* half, std::int64_t images) {
    const bool is_there =
        std::any_of(v.parts.begin(), v.parts.end(), [&](const VerifiedPart& p) { return p.name == half; });
    if (images > 0 && !is_there) problems.push_back(str("no ", half, " half"));
  };
  if (const auto expected = kExpected.find(name); expected != kExpected.end()) {
    expect_half("train", expected->second.train);
    expect_half("test", expected->second.test);
  }
  return problems;
}

}  // namespace kelvin
