// Downloads published weights and checks them.
//
// The digest is the one in the file's name (torchvision), or the one that its home states in the headers of its answers (the Hugging Face hub:
// X-Linked-Etag, the SHA-256 of a large file). Where there is neither, the file must open as weights. It grows in FILE.part and takes its name
// once it is whole and right (engine/download.h). Two fetches of a file into one folder take turns: the second finds it there.
#pragma once

#include <filesystem>
#include <string>

#include "engine/download.h"
#include "models/weight_sources.h"

namespace kelvin {

struct WeightFetchOptions : DownloadOptions {
  std::filesystem::path folder = "weights";  // made if need be
  std::string home;                          // another address than the source's own; WeightSource::path is appended
};

struct FetchedWeights {
  std::filesystem::path file;
  std::string sha256;
  enum class Check { name, home, none } check = Check::none;  // where the digest came from that the file has
  bool was_there = false;                                     // nothing was downloaded
};

// Mistakes: a wrong digest, or no weights (the download is removed); a file of that name with another digest; a download that fails (what has
// arrived stays for the next try).
[[nodiscard]] FetchedWeights fetch_weights(const WeightSource& source, const WeightFetchOptions& options);

// The SHA-256 in the headers of a download; empty where none is stated.
[[nodiscard]] std::string stated_sha256(const std::string& headers);

}  // namespace kelvin
