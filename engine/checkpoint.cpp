#include "engine/checkpoint.h"

#include <list>

#include "engine/tensor_file.h"

namespace kelvin {
namespace {

// Copies one tensor out of the file; returns what is wrong, or nothing.
std::string load_one(const SafetensorsFile& file, const std::string& name, const Tensor& into) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) return "missing " + name;
  const SafetensorsEntry& entry = found->second;
  const Shape shape = file_shape(into.shape());
  const std::vector<std::int64_t> expected(shape.begin(), shape.end());
  if (!is_float_type(entry.dtype)) return str(name, " has dtype ", entry.dtype, ", expected F32");
  if (entry.shape != expected)
    return str(name, " has shape ", shape_text(entry.shape), ", expected ", shape_text(expected));
  copy_from_file_order(into, floats_of(entry));
  return {};
}

class Problems {
 public:
  void note(const std::string& problem) {
    if (problem.empty()) return;
    if (++count_ <= 8) text_ += (text_.empty() ? "" : "; ") + problem;
  }
  void raise(const std::filesystem::path& path) const {
    if (count_ == 0) return;
    const std::string more = count_ > 8 ? str("; and ", count_ - 8, " more") : "";
    throw mistake(path.string(), ": does not fit this model: ", text_, more, " (check ", "model"_field, ", ",
                  "data"_field, " and the class count)");
  }

 private:
  std::string text_;
  int count_ = 0;
};

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const Parameters& parameters, const NamedTensors& extra,
                     const std::map<std::string, std::string>& metadata) {
  std::list<std::vector<float>> storage;
  std::map<std::string, SafetensorsEntry> entries;
  const auto put = [&](const std::string& name, const Tensor& t) {
    storage.push_back(to_file_order(t));
    const Shape shape = file_shape(t.shape());
    entries[name] = {"F32", {shape.begin(), shape.end()}, std::as_bytes(std::span(storage.back()))};
  };
  for (const Parameter& p : parameters) put(p.spec.name, p.value);
  for (const Parameter& b : parameters.buffers()) put(b.spec.name, b.value);
  for (const auto& [name, t] : extra) put(name, t);
  write_safetensors(path, entries, metadata);
}

void load_parameters(const SafetensorsFile& file, const Parameters& parameters) {
  Problems problems;
  for (const Parameter& p : parameters) problems.note(load_one(file, p.spec.name, p.value));
  for (const Parameter& b : parameters.buffers()) problems.note(load_one(file, b.spec.name, b.value));
  problems.raise(file.path);
}

void load_tensors(const SafetensorsFile& file, const NamedTensors& extra) {
  Problems problems;
  for (const auto& [name, t] : extra) problems.note(load_one(file, name, t));
  problems.raise(file.path);
}

}  // namespace kelvin
