#include "engine/pytorch_file/zip_archive.h"

#include <zip.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "engine/printable.h"
#include "kernels/device/error.h"

namespace kelvin {

// A zip file that libzip reads through our own InputFile.
struct OpenZip {
  explicit OpenZip(std::shared_ptr<const InputFile> input) : file(std::move(input)) { zip_error_init(&error); }
  ~OpenZip() {
    if (zip != nullptr) zip_discard(zip);
    zip_error_fini(&error);
  }
  OpenZip(const OpenZip&) = delete;
  OpenZip& operator=(const OpenZip&) = delete;

  std::shared_ptr<const InputFile> file;
  zip_t* zip = nullptr;
  zip_error_t error{};
  std::uint64_t at = 0;
  std::uint64_t left = 0;      // bytes that may still be read
  std::exception_ptr failure;  // of InputFile; C code lies between it and our caller
};

namespace {

constexpr std::uint64_t kMostDirectory = 32u << 20;

// The next bytes for libzip; -1 after a failure.
zip_int64_t read_for_libzip(OpenZip& zip, void* data, std::uint64_t size) try {
  const std::uint64_t n = std::min(size, zip.file->size() - std::min(zip.at, zip.file->size()));
  if (n > zip.left)
    throw mistake(zip.file->path().string(), ": its list of members has more than ", kMostDirectory, " bytes");
  zip.file->read_at(zip.at, {static_cast<std::byte*>(data), n});
  zip.at += n;
  zip.left -= n;
  return static_cast<zip_int64_t>(n);
} catch (...) {
  zip.failure = std::current_exception();
  zip_error_set(&zip.error, ZIP_ER_READ, 0);
  return -1;
}

// libzip's interface to a file (zip_source_function(3)).
zip_int64_t serve(void* state, void* data, zip_uint64_t size, zip_source_cmd_t command) {
  OpenZip& zip = *static_cast<OpenZip*>(state);
  switch (command) {
    case ZIP_SOURCE_OPEN: return zip.at = 0, 0;
    case ZIP_SOURCE_READ: return read_for_libzip(zip, data, size);
    case ZIP_SOURCE_SEEK: {
      const zip_int64_t at = zip_source_seek_compute_offset(zip.at, zip.file->size(), data, size, &zip.error);
      if (at < 0) return -1;
      return zip.at = static_cast<std::uint64_t>(at), 0;
    }
    case ZIP_SOURCE_TELL: return static_cast<zip_int64_t>(zip.at);
    case ZIP_SOURCE_STAT: {
      auto* const stat = static_cast<zip_stat_t*>(data);
      zip_stat_init(stat);
      stat->valid = ZIP_STAT_SIZE;
      stat->size = zip.file->size();
      return sizeof(zip_stat_t);
    }
    case ZIP_SOURCE_ERROR: return zip_error_to_data(&zip.error, data, size);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE: return 0;
    case ZIP_SOURCE_SUPPORTS:
      return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL,
                                            ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_CLOSE, ZIP_SOURCE_FREE, -1);
    default: zip_error_set(&zip.error, ZIP_ER_OPNOTSUPP, 0); return -1;
  }
}

// What went wrong in libzip, or in what it called.
[[noreturn]] void fail(OpenZip& zip, const std::string& where, zip_error_t* error) {
  if (zip.failure) std::rethrow_exception(std::exchange(zip.failure, nullptr));
  throw mistake(where, ": a damaged zip file: ", zip_error_strerror(error));
}

}  // namespace

ZipMember::ZipMember(std::shared_ptr<OpenZip> zip, std::uint64_t index, const std::string& name)
    : zip_(std::move(zip)),
      index_(index),
      where_(zip_->file->path().string() + ": " + printable(name)),
      reading_(nullptr, zip_fclose) {
  zip_stat_t stat;
  if (zip_stat_index(zip_->zip, index, 0, &stat) != 0) fail(*zip_, where_, zip_get_error(zip_->zip));
  constexpr zip_uint64_t kNeeded =
      ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  if ((stat.valid & kNeeded) != kNeeded || stat.comp_method != ZIP_CM_STORE || stat.encryption_method != ZIP_EM_NONE)
    throw mistake(
        where_, ": is compressed or encrypted, which torch.save does not do; unpack the file and pack it with: zip -0");
  if (stat.size != stat.comp_size || stat.size > zip_->file->size())
    throw mistake(where_, ": says ", stat.size, " bytes in a file of ", zip_->file->size(), " (cut short?)");
  size_ = stat.size;
  has_checksum_ = (stat.valid & ZIP_STAT_CRC) != 0 && stat.crc != 0;  // 0: torch.serialization.set_crc32_options(False)
}

ZipMember::~ZipMember() = default;

void ZipMember::open(std::uint64_t at) const {
  reading_.reset(zip_fopen_index(zip_->zip, index_, 0));
  if (reading_ == nullptr) fail(*zip_, where_, zip_get_error(zip_->zip));
  if (at > 0 && zip_fseek(reading_.get(), static_cast<zip_int64_t>(at), SEEK_SET) != 0)
    fail(*zip_, where_, zip_file_get_error(reading_.get()));
  at_ = at;
}

void ZipMember::read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
  if (bytes.empty()) return;
  if (offset > size_ || bytes.size() > size_ - offset) throw mistake(where_, ": has ", size_, " bytes");
  if (reading_ == nullptr || at_ != offset) open(offset);
  while (!bytes.empty()) {
    const zip_int64_t n = zip_fread(reading_.get(), bytes.data(), bytes.size());
    if (n < 0) fail(*zip_, where_, zip_file_get_error(reading_.get()));
    if (n == 0) throw mistake(where_, ": ends at byte ", at_, " of ", size_, " (cut short?)");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    at_ += static_cast<std::uint64_t>(n);
  }
  if (at_ < size_) return;
  char beyond;  // libzip compares the checksum where the member has ended
  if (has_checksum_ && zip_fread(reading_.get(), &beyond, 1) != 0)
    fail(*zip_, where_, zip_file_get_error(reading_.get()));
  reading_.reset();
}

ZipArchive::ZipArchive(std::shared_ptr<const InputFile> file) : zip_(std::make_shared<OpenZip>(std::move(file))) {
  const std::string where = zip_->file->path().string();
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* const source = zip_source_function_create(serve, zip_.get(), &error);
  zip_->left = kMostDirectory;
  if (source != nullptr) zip_->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
  if (zip_->zip == nullptr) {
    zip_source_free(source);
    fail(*zip_, where, &error);
  }
  zip_->left = UINT64_MAX;
  const zip_int64_t count = zip_get_num_entries(zip_->zip, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    const char* const name = zip_get_name(zip_->zip, index, ZIP_FL_ENC_RAW);
    if (name == nullptr || !members_.emplace(name, index).second)
      throw mistake(where, ": a damaged zip file: member ", i, " has no name of its own");
  }
}

std::shared_ptr<const ZipMember> ZipArchive::member(const std::string& name) const {
  const auto found = members_.find(name);
  if (found == members_.end()) throw mistake(zip_->file->path().string(), ": lacks its member ", printable(name));
  return std::make_shared<ZipMember>(zip_, found->second, name);
}

}  // namespace kelvin
