#include "data/archive.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/child_process.h"
#include "engine/printable.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

constexpr std::size_t kLongestLine = 8192;  // twice the longest path

// tar and unzip list an entry a line: some words, one space, and the name to the end of the line, its control characters escaped.
//
//   -rw-r--r-- 0/0  30730000 2009-06-04 15:56 cifar-10-batches-bin/test_batch.bin
//   -rw-r--r--  3.0 unx     1234 bx stor 20150209.104512 tiny-imagenet-200/wnids.txt
struct Listing {
  std::vector<std::string> program;
  std::vector<std::string_view>
      words;         // their shapes: 9 is a digit, * any text; what a name could pretend to be has a strict one
  std::size_t size;  // which word that is
};

Listing listing_of(bool is_zip) {
  if (is_zip) return {{"unzip", "-Z", "-T", "-s", "--h", "--t"}, {"*", "*", "*", "*", "*", "*", "99999999.999999"}, 3};
  return {{"tar", "--list", "--verbose", "--numeric-owner", "--quoting-style=escape", "--force-local"},
          {"*", "*", "*", "9999-99-99", "99:99"},
          2};
}

// Neither program takes options from the environment, and both speak English.
std::vector<std::string> environment() {
  return {"LC_ALL=C.UTF-8", "TAR_OPTIONS=", "UNZIP=", "UNZIPOPT=", "ZIPINFO=", "ZIPINFOOPT=", "GZIP="};
}

bool has_shape(std::string_view word, std::string_view shape) {
  if (shape == "*") return !word.empty();
  return std::equal(word.begin(), word.end(), shape.begin(), shape.end(),
                    [](char c, char s) { return s == '9' ? c >= '0' && c <= '9' : c == s; });
}

struct Entry {
  std::string_view mode, name;
  std::uint64_t size = 0;
};
std::optional<Entry> parse_entry(std::string_view line, const Listing& listing) {
  Entry entry;
  for (std::size_t i = 0; i < listing.words.size(); ++i) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const std::string_view word = line.substr(0, line.find(' '));
    if (!has_shape(word, listing.words[i])) return {};
    if (i == 0) entry.mode = word;
    if (i == listing.size && std::from_chars(word.data(), word.data() + word.size(), entry.size).ptr != word.end())
      return {};  // a device's numbers
    line.remove_prefix(word.size());
  }
  if (!line.starts_with(' ')) return {};
  entry.name = line.substr(1);
  return entry;
}

bool leaves_folder(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.front() == '\\') return true;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find_first_of("/\\", begin), name.size());
    if (name.substr(begin, end - begin) == "..") return true;
    begin = end + 1;
  }
  return false;
}

class EntryCheck {
 public:
  EntryCheck(const Path& archive, Listing listing, const ArchiveBounds& bounds)
      : archive_(archive), listing_(std::move(listing)), bounds_(bounds) {
    std::error_code error;
    most_bytes_ = std::filesystem::file_size(archive, error) * bounds.times + bounds.bytes;
    if (error) throw mistake(archive.string(), ": cannot be read: ", error.message());
  }

  void look_at(std::string_view line) {
    const char kind = line.empty() ? ' ' : line.front();
    if (kind == 'l' || kind == 'h') refuse(line, "a link");
    if (kind != '-' && kind != 'd' && kind != '?')
      refuse(line, "neither a file nor a folder");  // '?': of other systems
    const std::optional<Entry> entry = parse_entry(line, listing_);
    if (!entry) refuse(line, "an entry that is not understood");
    if (entry->mode.find_first_of("sStT", 1) != std::string_view::npos)
      refuse(line, "a set-user-ID, set-group-ID or sticky bit");
    if (leaves_folder(entry->name)) refuse(line, "a path that leads out of its folder");
    if (entry->size > most_bytes_ - bytes_)
      refuse(line, str("more than ", most_bytes_, " bytes, too many for an archive of its size"));
    bytes_ += entry->size;
    if (++entries_ > bounds_.entries) refuse(line, str("more than ", bounds_.entries, " entries"));
  }

 private:
  [[noreturn]] void refuse(std::string_view line, const std::string& why) const {
    throw mistake(archive_.string(), ": not unpacked, it holds ", why, ": ", printable(line.substr(0, 300)),
                  "; remove it and fetch again");
  }
  const Path& archive_;
  Listing listing_;
  ArchiveBounds bounds_;
  std::uint64_t most_bytes_ = 0, bytes_ = 0;
  std::int64_t entries_ = 0;
};

Error unreadable(const Path& archive) {
  return mistake(archive.string(), ": cannot be unpacked; remove it and fetch again");
}

void check_entries(const Path& archive, bool is_zip, int lock, const ArchiveBounds& bounds) {
  const Listing listing = listing_of(is_zip);
  EntryCheck check(archive, listing, bounds);
  std::vector<std::string> arguments = listing.program;
  arguments.push_back((is_zip ? "" : "--file=") + archive.string());
  ChildProcess program({.arguments = arguments,
                        .errors = ChildCommand::kNowhere,
                        .is_captured = true,
                        .kept = lock,
                        .environment = environment()});
  std::string text;
  char buffer[65536];
  for (std::size_t n = 0; (n = program.read(buffer)) > 0;) {
    text.append(buffer, n);
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
      check.look_at(std::string_view(text).substr(begin, end - begin));
    text.erase(0, begin);
    if (text.size() > kLongestLine) throw unreadable(archive);
  }
  if (program.wait() != 0 || !text.empty()) throw unreadable(archive);
}

}  // namespace

void unpack_archive(const Path& file, const Path& folder, int lock, const ArchiveBounds& bounds) {
  const Path archive = std::filesystem::absolute(file),
             place = std::filesystem::absolute(folder);  // begin with no dash
  const bool is_zip = archive.extension() == ".zip";
  check_entries(archive, is_zip, lock, bounds);
  const std::vector<std::string> arguments =
      is_zip ? std::vector<std::string>{"unzip", "-q", "-o", "-P", "none", archive.string(), "-d", place.string()}
             : std::vector<std::string>{"tar",
                                        "--extract",
                                        "--no-same-owner",
                                        "--no-same-permissions",
                                        "--force-local",
                                        "--file=" + archive.string(),
                                        "--directory=" + place.string()};
  const int code = ChildProcess({.arguments = arguments,
                                 .output = ChildCommand::kNowhere,
                                 .errors = ChildCommand::kNowhere,
                                 .kept = lock,
                                 .environment = environment()})
                       .wait();
  if (code != 0) throw unreadable(file);
}

}  // namespace kelvin
