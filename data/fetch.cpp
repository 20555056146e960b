#include "data/fetch.h"

#include <algorithm>
#include <cstdio>

#include "data/archive.h"
#include "data/verify.h"
#include "engine/digest.h"
#include "engine/download.h"
#include "engine/input_file.h"
#include "engine/paths.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

FetchedFile fetch_file(const DataSource& source, const SourceFile& file, const FetchOptions& options, const Path& to,
                       const DownloadLock& lock) {
  FetchedFile fetched{file.name, "", !file.digest.empty()};
  if (!is_there(to)) {
    const Path part = to.string() + ".part";
    std::string home = options.home.empty() ? source.home : options.home;
    if (!home.ends_with('/')) home += '/';
    download(home + file.name + (options.home.empty() ? source.suffix : ""), part, options, lock);
    const std::string found = file.digest_kind == "md5" ? md5_of(part) : "";
    if (found != file.digest) {
      remove_path(part);
      throw mistake(to.filename().string(), ": ", file.digest_kind, " ", found, ", published ", file.digest,
                    "; the damaged download is removed, run the command again");
    }
    rename_path(part, to);
  } else if (file.digest_kind == "md5" && md5_of(to) != file.digest) {
    throw mistake(to.string(), ": lies there with another md5 than the published ", file.digest, "; remove it first");
  }
  fetched.sha256 = sha256_of(to);
  return fetched;
}

// Without a published digest the contents speak for themselves: sizes, counts and labels as published.
void require_published(const DataSource& source, const Path& folder, const Path& incoming,
                       const FetchOptions& options) {
  const bool has_digests = std::all_of(source.files.begin(), source.files.end(),
                                       [](const SourceFile& file) { return !file.digest.empty(); });
  if (has_digests) return;
  if (!options.is_quiet) std::fprintf(stderr, "no digest of %s is published; reading what came\n", source.name.c_str());
  const std::vector<std::string> problems = problems_of_published(source.name, folder);
  if (problems.empty()) return;
  remove_path(incoming);
  throw mistake(source.name, ": what came is not the published set: ", problems.front(),
                "; the download is removed, run the command again");
}

// Into a hidden folder beside `place`, then renamed.
void unpack(const DataSource& source, const Path& archive, const Path& place, const FetchOptions& options, int lock) {
  const Path work = place.parent_path() / (".unpacking-" + place.filename().string());
  remove_path(work);  // of one that was killed
  make_folder(work);
  try {
    unpack_archive(archive, work, lock);
    const Path inner = work / place.filename();
    if (!is_folder(inner))
      throw mistake(archive.string(), ": does not hold the folder ", place.filename().string(),
                    "; remove it and fetch again");
    require_published(source, inner, archive, options);
    rename_path(inner, place);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(work, ignored);
    throw;
  }
  remove_path(work);
}

}  // namespace

Fetched fetch(const DataSource& source, const FetchOptions& options) {
  Fetched fetched{options.folder / source.folder, {}};
  if (is_there(fetched.place)) return fetched;
  make_folder(options.folder);
  const DownloadLock lock(options.folder / ("." + source.folder + ".lock"), options.is_quiet);
  if (is_there(fetched.place)) return fetched;  // another fetch brought it
  if (source.is_archive()) {
    const Path archive = options.folder / source.files.front().name;
    fetched.files.push_back(fetch_file(source, source.files.front(), options, archive, lock));
    unpack(source, archive, fetched.place, options, lock.descriptor());
    if (!options.keep_archive) remove_path(archive);
    return fetched;
  }
  const Path work = fetched.place.string() + ".part";
  make_folder(work);
  for (const SourceFile& file : source.files)
    fetched.files.push_back(fetch_file(source, file, options, work / file.name, lock));
  require_published(source, work, work, options);
  rename_path(work, fetched.place);
  return fetched;
}

}  // namespace kelvin
