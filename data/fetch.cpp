#include "data/fetch.h"

#include <unistd.h>

#include "data/digest.h"
#include "engine/child_process.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

// Runs a program that is looked for on PATH; `drops_errors` keeps what it says to people to itself.
CapturedRun run(const std::vector<std::string>& arguments, bool drops_errors) {
  return run_captured({.arguments = arguments, .errors = drops_errors ? ChildCommand::kNowhere : STDERR_FILENO});
}

void download(const std::string& url, const Path& part, bool is_quiet) {
  constexpr int kHttpError = 22, kNoRange = 33, kBadResume = 36;
  for (int attempt = 0; attempt < 2; ++attempt) {
    const bool resumes = std::filesystem::exists(part);
    const CapturedRun curl = run({"curl",
                                  "--fail",
                                  "--location",
                                  "--proto",
                                  "=https,http,file",
                                  "--proto-redir",
                                  "=https,http",
                                  "--connect-timeout",
                                  "30",
                                  "--retry",
                                  "3",
                                  is_quiet ? "--silent" : "--progress-bar",
                                  "--continue-at",
                                  "-",
                                  "--write-out",
                                  "%{http_code} %{errormsg}",
                                  "--output",
                                  part.string(),
                                  "--",
                                  url},
                                 /*drops_errors=*/is_quiet);
    if (curl.code == 0) return;
    const bool has_all = curl.code == kHttpError && curl.output.starts_with("416");  // nothing beyond what is here
    if (resumes && has_all) return;                                                  // the digest decides
    if (resumes && (curl.code == kNoRange || curl.code == kBadResume)) {
      std::filesystem::remove(part);  // this server cannot go on: from the start
      continue;
    }
    const std::string reason = curl.output.size() > 4 ? curl.output.substr(4) : str("curl's exit code ", curl.code);
    throw mistake(url, ": download failed: ", reason, "; what has arrived stays in ", part.string(),
                  ", run the command again to go on");
  }
  throw mistake(url, ": download failed twice");
}

FetchedFile fetch_file(const DataSource& source, const SourceFile& file, const FetchOptions& options, const Path& to) {
  FetchedFile fetched{file.name, "", !file.digest.empty()};
  if (!std::filesystem::exists(to)) {
    const Path part = to.string() + ".part";
    std::string home = options.home.empty() ? source.home : options.home;
    if (!home.ends_with('/')) home += '/';
    download(home + file.name + (options.home.empty() ? source.suffix : ""), part, options.is_quiet);
    const std::string found = file.digest_kind == "md5" ? md5_of(part) : "";
    if (found != file.digest) {
      std::filesystem::remove(part);
      throw mistake(to.filename().string(), ": ", file.digest_kind, " ", found, ", published ", file.digest,
                    "; the damaged download is removed, run the command again");
    }
    std::filesystem::rename(part, to);
  } else if (file.digest_kind == "md5" && md5_of(to) != file.digest) {
    throw mistake(to.string(), ": lies there with another md5 than the published ", file.digest, "; remove it first");
  }
  fetched.sha256 = sha256_of(to);
  return fetched;
}

// Into a hidden folder beside `place`, then renamed.
void unpack(const Path& archive, const Path& place) {
  const Path work = place.parent_path() / (".unpacking-" + place.filename().string() + "-" + std::to_string(getpid()));
  std::filesystem::remove_all(work);
  std::filesystem::create_directories(work);
  const bool is_zip = archive.extension() == ".zip";
  const CapturedRun outcome = is_zip
                                  ? run({"unzip", "-q", archive.string(), "-d", work.string()}, true)
                                  : run({"tar", "-xf", archive.string(), "-C", work.string(), "--no-same-owner"}, true);
  const Path inner = work / place.filename();
  const bool is_good = outcome.code == 0 && std::filesystem::is_directory(inner);
  if (is_good) std::filesystem::rename(inner, place);
  std::filesystem::remove_all(work);
  if (!is_good)
    throw mistake(archive.string(), outcome.code != 0 ? ": cannot be unpacked" : ": does not hold the folder ",
                  outcome.code != 0 ? "" : place.filename().string(), "; remove it and fetch again");
}

}  // namespace

Fetched fetch(const DataSource& source, const FetchOptions& options) {
  Fetched fetched{options.folder / source.folder, {}};
  if (std::filesystem::exists(fetched.place)) return fetched;
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) throw mistake(options.folder.string(), ": cannot be made: ", error.message());
  if (source.is_archive()) {
    const Path archive = options.folder / source.files.front().name;
    fetched.files.push_back(fetch_file(source, source.files.front(), options, archive));
    unpack(archive, fetched.place);
    if (!options.keep_archive) std::filesystem::remove(archive);
    return fetched;
  }
  const Path work = fetched.place.string() + ".part";
  std::filesystem::create_directories(work);
  for (const SourceFile& file : source.files)
    fetched.files.push_back(fetch_file(source, file, options, work / file.name));
  std::filesystem::rename(work, fetched.place);
  return fetched;
}

}  // namespace kelvin
