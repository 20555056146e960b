// Downloads a published set, checks it, unpacks it. The programs curl, tar and unzip do the work; they are started without a shell.
//
// A download grows in FILE.part beside its final place and goes on there when it was interrupted (an HTTP Range request); it takes its
// name once it is whole and its digest is right. An archive is unpacked into a hidden folder that is renamed at the end. So a file or
// folder that bears its name is complete.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/sources.h"

namespace kelvin {

struct FetchOptions {
  std::filesystem::path folder = "data";  // made if need be
  std::string home;                       // another address than the source's own; file names are appended
  bool keep_archive = false;
  bool is_quiet = false;  // no progress bar of curl
};

struct FetchedFile {
  std::string name, sha256;
  bool is_checked = false;  // against a published digest
};

struct Fetched {
  std::filesystem::path place;     // the set's folder
  std::vector<FetchedFile> files;  // none when the folder was there already
};

// Mistakes: a file whose digest is wrong (it is removed), a download that fails (with curl's reason; what has arrived stays for the next
// try), an archive that cannot be unpacked or does not hold the set's folder.
[[nodiscard]] Fetched fetch(const DataSource& source, const FetchOptions& options);

}  // namespace kelvin
