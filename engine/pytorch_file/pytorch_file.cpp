#include "engine/pytorch_file/pytorch_file.h"

#include <algorithm>
#include <string_view>

#include "engine/pytorch_file/pickle_machine.h"
#include "engine/pytorch_file/state_dict.h"
#include "engine/pytorch_file/zip_archive.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr std::string_view kZip = "PK\x03\x04";
constexpr std::string_view kMagic =
    "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";  // LONG1, 10 bytes, torch.save's number
constexpr std::int64_t kVersion = 1001;
constexpr const char* kBigEndian =
    ": its numbers are big-endian, which are not read; save it again on a little-endian machine";

std::string_view text_in(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What comes before the names of all members: "archive/". A mistake where the zip file is none that torch.save wrote.
std::string folder_in(const ZipArchive& zip, const std::string& where) {
  constexpr std::string_view kPickle = "data.pkl";
  const std::string advice = "; in Python: torch.save(model.state_dict(), \"weights.pt\")";
  for (const auto& [name, index] : zip.members()) {
    const std::string folder = name.substr(0, name.find('/') + 1);
    if (name != folder + std::string(kPickle)) continue;
    if (zip.members().contains(folder + "constants.pkl"))
      throw mistake(where, ": is a TorchScript archive (torch.jit.save), a program; expected a state dict", advice);
    return folder;
  }
  throw mistake(where, ": is a zip file without a data.pkl, so torch.save did not write it; expected a state dict",
                advice);
}

void read_zip(const std::shared_ptr<const InputFile>& input, SafetensorsFile& file) {
  const std::string where = input->path().string();
  const ZipArchive zip(input);
  const std::string folder = folder_in(zip, where);
  if (zip.members().contains(folder + "byteorder")) {
    const auto member = zip.member(folder + "byteorder");
    std::string order(std::min<std::uint64_t>(member->size(), 16), '\0');
    member->read_at(0, std::as_writable_bytes(std::span(order)));
    if (order != "little") throw mistake(where, kBigEndian);
  }
  const auto data = zip.member(folder + "data.pkl");
  PickleInput bytes(*data, 0, data->size(), where);
  const Pickle pickle = read_pickle(bytes);
  std::map<std::string, std::shared_ptr<const ZipMember>> members;
  const auto find = [&](const std::string& key) -> StorageBytes {
    std::shared_ptr<const ZipMember>& member = members[key];
    if (member == nullptr) member = zip.member(folder + "data/" + key);
    return {member, 0, member->size()};
  };
  add_tensors(pickle, find, file);
}

// The size of an element of each storage.
std::map<std::string, unsigned> element_sizes(const Pickle& pickle, const std::string& where) {
  std::map<std::string, unsigned> sizes;
  for (const PickleValue& value : pickle.values) {
    const auto* const storage = std::get_if<std::unique_ptr<PickledStorage>>(&value);
    if (storage == nullptr) continue;
    const auto [at, is_new] = sizes.emplace(*pickle.as<std::string>((*storage)->key), (*storage)->type->bytes);
    if (!is_new && at->second != (*storage)->type->bytes) throw mistake(where, ": a storage has two types");
  }
  return sizes;
}

bool is_big_endian(const Pickle& machine) {
  if (const auto* const facts = machine.as<PickledDictionary>(machine.top))
    for (const auto& [key, value] : facts->items) {
      const auto* const name = machine.as<std::string>(key);
      const auto* const is_little = machine.as<bool>(value);
      if (name != nullptr && *name == "little_endian" && is_little != nullptr) return !*is_little;
    }
  return false;
}

// The places of the storages, which lie after the pickles in the order of `keys`.
std::map<std::string, StorageBytes> storages_after(const Pickle& keys, const std::map<std::string, unsigned>& sizes,
                                                   const std::shared_ptr<const InputFile>& input) {
  const std::string where = input->path().string();
  const auto* const list = keys.as<PickledSequence>(keys.top);
  if (list == nullptr) throw mistake(where, ": has no list of its storages");
  std::map<std::string, StorageBytes> places;
  std::uint64_t at = keys.end;
  for (const PickleHandle handle : list->items) {
    const auto* const key = keys.as<std::string>(handle);
    const auto size = key != nullptr ? sizes.find(*key) : sizes.end();
    if (size == sizes.end()) throw mistake(where, ": holds a storage that nothing refers to");
    std::uint64_t count = 0, bytes = 0;
    input->read_at(at, std::as_writable_bytes(std::span(&count, 1)));
    at += sizeof count;
    if (__builtin_mul_overflow(count, size->second, &bytes) || bytes > input->size() - at)
      throw mistake(where, ": a storage at byte ", at, " says ", count, " elements; the file has ", input->size(),
                    " bytes (cut short?)");
    places[*key] = {input, at, bytes};
    at += bytes;
  }
  return places;
}

void read_before_zip(const std::shared_ptr<const InputFile>& input, SafetensorsFile& file) {
  const std::string where = input->path().string();
  std::uint64_t at = 0;
  const auto next = [&] {
    PickleInput bytes(*input, at, input->size(), where);
    Pickle pickle = read_pickle(bytes);
    at = pickle.end;
    return pickle;
  };
  (void)next();  // the magic number
  const Pickle version = next();
  const auto* const number = version.as<std::int64_t>(version.top);
  if (number == nullptr || *number != kVersion)
    throw mistake(where, ": another version of torch.save's format than ", kVersion);
  if (is_big_endian(next())) throw mistake(where, kBigEndian);
  const Pickle pickle = next(), keys = next();
  const std::map<std::string, StorageBytes> places = storages_after(keys, element_sizes(pickle, where), input);
  const auto find = [&](const std::string& key) {
    const auto found = places.find(key);
    if (found == places.end()) throw mistake(where, ": lacks one of its storages");
    return found->second;
  };
  add_tensors(pickle, find, file);
}

}  // namespace

bool is_pytorch_file(std::span<const std::byte> start) {
  const std::string_view text = text_in(start);
  return text.starts_with(kZip) || (text.starts_with('\x80') && text.find(kMagic) != std::string_view::npos);
}

SafetensorsFile read_pytorch_file(const std::shared_ptr<const InputFile>& input) {
  SafetensorsFile file{input->path(), {}, {}, false, {}};
  std::vector<std::byte> start(std::min<std::uint64_t>(input->size(), kZip.size()));
  input->read_at(0, start);
  if (text_in(start) == kZip)
    read_zip(input, file);
  else
    read_before_zip(input, file);
  return file;
}

}  // namespace kelvin
