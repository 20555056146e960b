#include "engine/checkpoint.h"

#include <cstring>
#include <list>

namespace kelvin {
namespace {

// The shape a tensor has in the file, and the position of its element (k, r, s, c) there.
bool is_filter(const Shape& shape) { return shape.rank() == 4; }

Shape file_shape(const Shape& s) { return is_filter(s) ? Shape{s[0], s[3], s[1], s[2]} : s; }

// Calls f(index in memory, index in the file) for every element.
template <class F>
void for_each_element(const Shape& s, const F& f) {
  if (!is_filter(s)) {
    for (std::int64_t i = 0; i < s.size(); ++i) f(i, i);
    return;
  }
  const std::int64_t area = s[1] * s[2], channels = s[3];
  std::int64_t i = 0;
  for (std::int64_t k = 0; k < s[0]; ++k)
    for (std::int64_t a = 0; a < area; ++a)
      for (std::int64_t c = 0; c < channels; ++c) f(i++, (k * channels + c) * area + a);
}

std::vector<float> to_file_order(const Tensor& t) {
  const std::vector<float> memory = t.to_host<float>();
  std::vector<float> file(memory.size());
  for_each_element(t.shape(), [&](std::int64_t m, std::int64_t f) {
    file[static_cast<std::size_t>(f)] = memory[static_cast<std::size_t>(m)];
  });
  return file;
}

std::string shape_text(const std::vector<std::int64_t>& dims) {
  std::string text = "[";
  for (const auto d : dims) text += (text.size() > 1 ? ", " : "") + std::to_string(d);
  return text + "]";
}

// Copies one tensor out of the file; returns what is wrong, or nothing.
std::string load_one(const SafetensorsFile& file, const std::string& name, const Tensor& into) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) return "missing " + name;
  const SafetensorsEntry& entry = found->second;
  const Shape shape = file_shape(into.shape());
  const std::vector<std::int64_t> expected(shape.begin(), shape.end());
  if (entry.dtype != "F32") return str(name, " has dtype ", entry.dtype, ", expected F32");
  if (entry.shape != expected)
    return str(name, " has shape ", shape_text(entry.shape), ", expected ", shape_text(expected));
  std::vector<float> values(static_cast<std::size_t>(into.size()));
  std::memcpy(values.data(), entry.bytes.data(), entry.bytes.size());
  std::vector<float> memory(values.size());
  for_each_element(into.shape(), [&](std::int64_t m, std::int64_t f) {
    memory[static_cast<std::size_t>(m)] = values[static_cast<std::size_t>(f)];
  });
  into.copy_from_host<float>(memory);
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
    throw mistake(path.string(), ": does not fit this model: ", text_, more,
                  " (check --model, --data and the class count)");
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
