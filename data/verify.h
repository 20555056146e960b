// What lies in a file or folder, and whether it is what was published: every format and label is read, every image decoded, past the
// cache of decoded images.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace kelvin {

struct VerifiedPart {
  std::string name;  // "train", "test", or a corruption
  std::int64_t images = 0, height = 0, width = 0, channels = 0;
  std::int64_t least = 0, most = 0;  // images of the rarest and the most frequent class
};

struct Verification {
  std::string kind;  // "cifar10", "cifar10-c layout", "archive of cifar10", ...
  std::vector<VerifiedPart> parts;
  std::vector<std::string> notes;     // digests, passed-over classes
  std::vector<std::string> problems;  // a line each; none: all is well
};

// Recognises the sets of load_dataset that are files, both corrupted layouts, archives of data_sources() and single .npy files. Damaged
// files become problems; a mistake is thrown only where nothing is recognised.
[[nodiscard]] Verification verify(const std::filesystem::path& path);

// What keeps a folder from being the published set of that name (data/sources.h): the problems that verify finds, another kind of set,
// a half that is not there. None: it is whole.
[[nodiscard]] std::vector<std::string> problems_of_published(const std::string& name,
                                                             const std::filesystem::path& folder);

}  // namespace kelvin
