// The members of a zip file that lie in it as they are, without compression, which is how torch.save writes them. Read through libzip.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "engine/input_file.h"

struct zip_file;  // libzip's

namespace kelvin {

struct OpenZip;

// Bytes of a member, read from one thread at a time. A member that is read from its first byte to its last is checked against its checksum,
// where it has one.
class ZipMember : public ByteSource {
 public:
  ZipMember(std::shared_ptr<OpenZip> zip, std::uint64_t index, const std::string& name);
  ~ZipMember() override;

  [[nodiscard]] std::uint64_t size() const { return size_; }
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override;

 private:
  void open(std::uint64_t at) const;

  std::shared_ptr<OpenZip> zip_;
  std::uint64_t index_ = 0, size_ = 0;
  std::string where_;  // "FILE: NAME", for mistakes
  bool has_checksum_ = false;
  // Open between the parts of one reading, so that libzip sees all bytes and can compute their checksum.
  mutable std::unique_ptr<zip_file, int (*)(zip_file*)> reading_;
  mutable std::uint64_t at_ = 0;
};

class ZipArchive {
 public:
  // Mistakes: no zip file, a list of members of more than 32 MB, a name that occurs twice.
  explicit ZipArchive(std::shared_ptr<const InputFile> file);

  // Names and places of the members.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& members() const { return members_; }
  // A mistake as well: a member that is compressed, encrypted or longer than the file.
  [[nodiscard]] std::shared_ptr<const ZipMember> member(const std::string& name) const;

 private:
  std::shared_ptr<OpenZip> zip_;
  std::map<std::string, std::uint64_t> members_;
};

}  // namespace kelvin
