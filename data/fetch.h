// Downloads a published set, checks it, unpacks it. The programs curl, tar and unzip do the work; they are started without a shell.
//
// A download grows in FILE.part beside its final place (engine/download.h); it takes its name once it is whole and its digest is right. An archive is unpacked into a hidden folder that is renamed at the end. So a file or
// folder that bears its name is complete. A set whose home publishes no digest is read before it gets its name: sizes, counts and labels.
//
// Two fetches of a set into one folder take turns: the second finds the set there. The programs die with this one.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/sources.h"
#include "engine/download.h"

namespace kelvin {

struct FetchOptions : DownloadOptions {
  std::filesystem::path folder = "data";  // made if need be
  std::string home;                       // another address than the source's own; file names are appended
  bool keep_archive = false;
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
// try), an archive that is refused (data/archive.h), cannot be unpacked or does not hold the set's folder, contents that are not as published.
[[nodiscard]] Fetched fetch(const DataSource& source, const FetchOptions& options);

}  // namespace kelvin
