#include "engine/safetensors_checksums.h"

#include "engine/checksum.h"
#include "engine/json_text.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr const char* kFileFormat = "kelvin.format";
constexpr const char* kChecksums = "kelvin.checksums";
const std::string kCurrentFileFormat = "2";
constexpr const char* kAdvice =
    "; take it from a copy or make it again (if another program changed it on purpose: without the metadata "
    "kelvin.format and kelvin.checksums it is read unchecked)";

using Metadata = std::map<std::string, std::string>;
using Tensors = std::map<std::string, SafetensorsEntry>;

std::string checksum_of_elements(const SafetensorsEntry& entry) {
  Checksum checksum;
  for_each_block(entry, [&](std::span<const std::byte> block) { checksum.add(block); });
  return checksum.hex();
}

// Of all that the header says but where the tensors lie, which their own checksums decide.
std::string checksum_of_header(Metadata metadata, const Tensors& tensors, const std::string& elements) {
  metadata.erase(kChecksums);
  Json said = {metadata, elements};
  for (const auto& [name, entry] : tensors) said.push_back({name, entry.dtype, entry.shape});
  return checksum_of(said.dump());
}

Error damaged(const SafetensorsFile& file, const std::string& what) {
  return mistake(file.path.string(), ": damaged: ", what, kAdvice);
}

}  // namespace

Metadata with_checksums(Metadata metadata, const Tensors& tensors) {
  metadata[kFileFormat] = kCurrentFileFormat;
  std::string elements;
  for (const auto& [name, entry] : tensors) elements += checksum_of_elements(entry);
  metadata[kChecksums] = checksum_of_header(metadata, tensors, elements) + elements;
  return metadata;
}

void verify_checksums(SafetensorsFile& file) {
  const auto format = file.metadata.find(kFileFormat), kept = file.metadata.find(kChecksums);
  if (format == file.metadata.end() && kept == file.metadata.end()) return;
  if (format == file.metadata.end() || kept == file.metadata.end())
    throw damaged(file, str("its header lacks ", kept == file.metadata.end() ? kChecksums : kFileFormat));
  const std::string text = kept->second, elements = text.substr(std::min(text.size(), kChecksumDigits));
  if (elements.size() != file.tensors.size() * kChecksumDigits ||
      text != checksum_of_header(file.metadata, file.tensors, elements) + elements)
    throw damaged(file, "the header (names, shapes or metadata) does not agree with its checksum");
  if (format->second != kCurrentFileFormat)
    throw mistake(file.path.string(), ": of format ", format->second, ", this version reads format ",
                  kCurrentFileFormat);
  std::size_t at = 0;
  for (const auto& [name, entry] : file.tensors) {
    if (checksum_of_elements(entry) != elements.substr(at, kChecksumDigits))
      throw damaged(file, str("tensor \"", name, "\" does not agree with its checksum"));
    at += kChecksumDigits;
  }
  file.metadata.erase(kFileFormat);
  file.metadata.erase(kChecksums);
  file.has_checksums = true;
}

}  // namespace kelvin
