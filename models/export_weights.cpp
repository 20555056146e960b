#include <algorithm>
#include <cmath>
#include <list>

#include "engine/tensor_file.h"
#include "models/weights.h"

namespace kelvin {
namespace {

// Whether some value became 0 on its way into `bytes`. A mistake where one became infinite.
bool has_vanished(const std::filesystem::path& path, const std::string& name, const std::vector<float>& values,
                  const std::string& dtype, const std::vector<std::byte>& bytes) {
  const std::vector<float> stored = floats_of({dtype, {static_cast<std::int64_t>(values.size())}, std::span(bytes)});
  float largest = 0;
  bool is_too_large = false, vanished = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i]) && std::abs(values[i]) > std::abs(largest)) largest = values[i];
    is_too_large = is_too_large || (std::isfinite(values[i]) && !std::isfinite(stored[i]));
    vanished = vanished || (values[i] != 0 && stored[i] == 0);
  }
  if (is_too_large)
    throw mistake(
        path.string(), ": is not written: ", name, " holds ", largest, ", which ",
        dtype == "F16" ? "float16 cannot hold (at most 65504); use " : "bfloat16 cannot hold (at most 3.39e38); use ",
        "dtype"_field, dtype == "F16" ? " bfloat16 or float32" : " float32");
  return vanished;
}

}  // namespace

ExportReport export_weights(const std::filesystem::path& path, const Model& model, const std::string& dtype,
                            const std::map<std::string, std::string>& metadata) {
  ExportReport report;
  std::list<std::vector<std::byte>> storage;
  std::map<std::string, SafetensorsEntry> entries;
  const auto put = [&](const std::string& name, const std::string& type, const std::vector<std::int64_t>& shape,
                       std::vector<std::byte> bytes) {
    storage.push_back(std::move(bytes));
    entries[name] = {type, shape, storage.back()};
  };
  const auto put_parameter = [&](const Parameter& p) {
    const std::vector<float> values = to_file_order(p.value);
    std::vector<std::byte> bytes = bytes_of(values, dtype);
    if (dtype != "F32" && has_vanished(path, p.spec.name, values, dtype, bytes)) report.vanished.push_back(p.spec.name);
    const Shape shape = file_shape(p.value.shape());
    put(p.spec.name, dtype, {shape.begin(), shape.end()}, std::move(bytes));
  };
  for (const Parameter& p : model.parameters()) put_parameter(p);
  for (const Parameter& p : model.parameters().buffers()) {
    put_parameter(p);
    const std::string& name = p.spec.name;
    if (name.ends_with("running_mean"))
      put(name.substr(0, name.rfind('.') + 1) + "num_batches_tracked", "I64", {},
          std::vector<std::byte>(sizeof(std::int64_t)));
  }
  std::map<std::string, std::string> all = {{"format", "pt"}};
  all.insert(metadata.begin(), metadata.end());
  write_safetensors(path, entries, all);
  return report;
}

}  // namespace kelvin
