#include "data/fetch.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

#include "data/archive.h"
#include "data/digest.h"
#include "data/verify.h"
#include "engine/child_process.h"
#include "engine/descriptor.h"
#include "engine/input_file.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

// A fetch of a set in a folder is one at a time; another waits for it. The lock is the kernel's (flock) and belongs to the programs that
// are started, too: it is free once they are gone. Whoever ends removes the file, so that no lock lies about.
class FetchLock {
 public:
  FetchLock(const Path& path, bool is_quiet) : path_(path) {
    while (!take(is_quiet)) {
    }
  }
  ~FetchLock() { unlink(path_.c_str()); }
  FetchLock(const FetchLock&) = delete;
  FetchLock& operator=(const FetchLock&) = delete;
  [[nodiscard]] int descriptor() const { return file_.get(); }

 private:
  // False where the file was removed by its last holder in the meantime.
  bool take(bool is_quiet) {
    file_ = Descriptor(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (!file_) throw mistake(path_.string(), ": cannot be made: ", std::strerror(errno));
    int result = flock(file_.get(), LOCK_EX | LOCK_NB);
    if (result != 0 && errno == EWOULDBLOCK) {
      if (!is_quiet) std::fprintf(stderr, "another fetch is at it; waiting for its end\n");
      while ((result = flock(file_.get(), LOCK_EX)) != 0 && errno == EINTR) {
      }
    }
    if (result != 0)
      throw mistake(path_.string(), ": cannot be locked: ", std::strerror(errno), "; choose a folder on a local disk");
    struct stat held {
    }, named{};
    return fstat(file_.get(), &held) == 0 && lstat(path_.c_str(), &named) == 0 && held.st_ino == named.st_ino;
  }
  Path path_;
  Descriptor file_;
};

void require(const std::error_code& error, const Path& path, const char* what) {
  if (error) throw mistake(path.string(), ": cannot be ", what, ": ", error.message());
}
void remove_path(const Path& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  require(error, path, "removed");
}
void make_folder(const Path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  require(error, path, "made");
}
void rename_path(const Path& from, const Path& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  require(error, to, "made");
}

bool is_busy(const std::string& http_code) {
  return http_code == "408" || http_code == "429" || http_code == "500" || http_code == "502" || http_code == "503" ||
         http_code == "504";
}

// One try, from where `part` ends. The answer's code and curl's reason are in the output.
CapturedRun run_curl(const std::string& url, const Path& part, const FetchOptions& options, int lock) {
  // A bar is for people at a terminal, and with it curl says its own line of a failure; elsewhere there is ours alone.
  const bool has_bar = !options.is_quiet && isatty(STDERR_FILENO) == 1;
  return run_captured({.arguments = {"curl",
                                     "--fail",
                                     "--location",
                                     "--globoff",
                                     "--proto",
                                     "=https,http,file",
                                     "--proto-redir",
                                     "=https,http",
                                     "--connect-timeout",
                                     "30",
                                     "--speed-limit",
                                     "1000",
                                     "--speed-time",
                                     std::to_string(options.stall_seconds),
                                     has_bar ? "--progress-bar" : "--silent",
                                     "--continue-at",
                                     "-",
                                     "--write-out",
                                     "%{http_code} %{errormsg}",
                                     "--output",
                                     std::filesystem::absolute(part).string(),
                                     "--",
                                     url},
                       .errors = has_bar ? STDERR_FILENO : ChildCommand::kNowhere,
                       .kept = lock});
}

void download(const std::string& url, const Path& part, const FetchOptions& options, int lock) {
  constexpr int kHttpError = 22, kTimeout = 28, kNoRange = 33, kBadResume = 36, kTries = 4;
  for (int attempt = 1;; ++attempt) {
    std::error_code error;
    const auto kind = std::filesystem::symlink_status(part, error).type();
    const bool resumes = kind == std::filesystem::file_type::regular;
    if (!resumes && kind != std::filesystem::file_type::not_found)
      throw mistake(part.string(), ": is no plain file; remove it");
    const CapturedRun curl = run_curl(url, part, options, lock);
    if (curl.code == 0) return;
    const std::string http_code = curl.output.substr(0, 3);
    if (resumes && curl.code == kHttpError && http_code == "416")
      return;  // nothing beyond what is here: the digest decides
    if (resumes && attempt < kTries && (curl.code == kNoRange || curl.code == kBadResume)) {
      remove_path(part);  // this server cannot go on: from the start
      continue;
    }
    if (attempt < kTries && curl.code == kHttpError && is_busy(http_code)) {
      std::this_thread::sleep_for(std::chrono::seconds(1 << (attempt - 1)));
      continue;
    }
    std::string reason = curl.output.size() > 4 ? curl.output.substr(4) : str("curl's exit code ", curl.code);
    if (curl.code == kTimeout)
      reason += str(" (", options.stall_seconds, " seconds with next to nothing arriving end it)");
    throw mistake(url, ": download failed: ", reason, "; what has arrived stays in ", part.string(),
                  ", run the command again to go on");
  }
}

FetchedFile fetch_file(const DataSource& source, const SourceFile& file, const FetchOptions& options, const Path& to,
                       int lock) {
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
  const FetchLock lock(options.folder / ("." + source.folder + ".lock"), options.is_quiet);
  if (is_there(fetched.place)) return fetched;  // another fetch brought it
  if (source.is_archive()) {
    const Path archive = options.folder / source.files.front().name;
    fetched.files.push_back(fetch_file(source, source.files.front(), options, archive, lock.descriptor()));
    unpack(source, archive, fetched.place, options, lock.descriptor());
    if (!options.keep_archive) remove_path(archive);
    return fetched;
  }
  const Path work = fetched.place.string() + ".part";
  make_folder(work);
  for (const SourceFile& file : source.files)
    fetched.files.push_back(fetch_file(source, file, options, work / file.name, lock.descriptor()));
  require_published(source, work, work, options);
  rename_path(work, fetched.place);
  return fetched;
}

}  // namespace kelvin
