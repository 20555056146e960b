// Where published sets come from: their public homes, the digests that are published, and what lies there once unpacked.
#pragma once

#include <string>
#include <vector>

#include "kernels/device/message.h"

namespace kelvin {

struct SourceFile {
  std::string name;         // of the file, below the home's address
  std::string digest_kind;  // "md5", or empty: no published digest is known
  std::string digest;       // hexadecimal
};

struct DataSource {
  std::string name;    // kelvin data fetch NAME
  std::string about;   // one line
  std::string home;    // address that the files' names are appended to
  std::string suffix;  // what the home wants behind the name ("?download=1")
  std::vector<SourceFile> files;
  std::string folder;                     // what unpacking makes; for plain files the folder they are put in
  Message use = "";                       // how to name it afterwards: the field, with FOLDER for its place
  [[nodiscard]] bool is_archive() const;  // one file to unpack, or plain files
};

[[nodiscard]] const std::vector<DataSource>& data_sources();
// A mistake that lists the names when there is none.
[[nodiscard]] const DataSource& find_data_source(const std::string& name);

}  // namespace kelvin
