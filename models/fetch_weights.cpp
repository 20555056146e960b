#include "models/fetch_weights.h"

#include <algorithm>
#include <sstream>

#include "engine/digest.h"
#include "engine/input_file.h"
#include "engine/paths.h"
#include "engine/weight_file.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Check = FetchedWeights::Check;

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

// An error page or a list of files is no weights.
void require_weights(const WeightSource& source, const std::filesystem::path& part) {
  try {
    (void)read_weight_file(part);
  } catch (const Error& e) {
    remove_path(part);
    throw mistake(source.name, ": what came is no weight file (", e.message(),
                  "); the download is removed; is the address right?");
  }
}

// The part under its name, once it is checked.
FetchedWeights checked(const WeightSource& source, const std::filesystem::path& part, const std::filesystem::path& file,
                       const std::string& headers) {
  FetchedWeights fetched{file, sha256_of(part)};
  std::string expected = source.digest;
  if (!expected.empty()) fetched.check = Check::name;
  if (expected.empty() && !(expected = stated_sha256(headers)).empty()) fetched.check = Check::home;
  if (!fetched.sha256.starts_with(expected)) {
    remove_path(part);
    throw mistake(file.filename().string(), ": sha256 ", fetched.sha256, ", published ", expected,
                  fetched.check == Check::name ? "..." : "",
                  "; the damaged download is removed, run the command again");
  }
  if (fetched.check == Check::none) require_weights(source, part);
  rename_path(part, file);
  return fetched;
}

}  // namespace

std::string stated_sha256(const std::string& headers) {
  std::string found;
  std::istringstream lines(headers);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string name = lower(line.substr(0, colon));
    if (name != "x-linked-etag" && (name != "etag" || !found.empty())) continue;
    std::string value = line.substr(colon + 1);
    std::erase_if(value, [](char c) { return c == ' ' || c == '"' || c == '\r'; });
    if (is_sha256(value)) found = value;
  }
  return found;
}

FetchedWeights fetch_weights(const WeightSource& source, const WeightFetchOptions& options) {
  make_folder(options.folder);
  const std::filesystem::path file = options.folder / source.file, part = file.string() + ".part";
  const DownloadLock lock(options.folder / ("." + source.file + ".lock"), options.is_quiet);
  if (is_there(file)) {
    FetchedWeights there{file, sha256_of(file), source.digest.empty() ? Check::none : Check::name, true};
    if (there.sha256.starts_with(source.digest)) return there;
    throw mistake(file.string(), ": lies there with another sha256 than the published ", source.digest,
                  "...; remove it first");
  }
  std::string home = options.home.empty() ? source.home : options.home;
  if (!home.ends_with('/')) home += '/';
  return checked(source, part, file, download(home + source.path, part, options, lock));
}

}  // namespace kelvin
