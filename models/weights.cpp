#include "models/weights.h"

#include <algorithm>
#include <cmath>
#include <list>
#include <set>

#include "engine/tensor_file.h"

namespace kelvin {
namespace {

constexpr const char* kPositions = "pos_embed";
constexpr const char* kCounter = "num_batches_tracked";

bool has_no_counterpart(const std::string& name) {
  return name.ends_with(kCounter) || name.starts_with("optimizer.") || name.starts_with("ema.");
}

std::vector<std::int64_t> dims_of(const Shape& s) { return {s.begin(), s.end()}; }

// The cubic convolution kernel with a = −1/2 (Keys 1981), which PyTorch and Pillow use when antialiasing.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// One output sample of a line of `from` samples resampled to `to`: which samples, and their weights.
struct Taps {
  std::int64_t first;
  std::vector<double> weights;
};
Taps taps_for(std::int64_t at, std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to), stretch = std::max(scale, 1.0);
  const double centre = (static_cast<double>(at) + 0.5) * scale, support = 2 * stretch;
  Taps taps{std::max<std::int64_t>(0, static_cast<std::int64_t>(centre - support + 0.5)), {}};
  const auto end = std::min(from, static_cast<std::int64_t>(centre + support + 0.5));
  double sum = 0;
  for (std::int64_t i = taps.first; i < end; ++i) {
    taps.weights.push_back(cubic((static_cast<double>(i) - centre + 0.5) / stretch));
    sum += taps.weights.back();
  }
  for (double& w : taps.weights) w /= sum;
  return taps;
}

class Importer {
 public:
  Importer(const SafetensorsFile& file, const Model& model) : file_(file), model_(model) {}

  WeightsReport run() {
    for (const Parameter& p : model_.parameters()) load(p);
    for (const Parameter& p : model_.parameters().buffers()) load(p);
    for (const auto& [name, entry] : file_.tensors)
      if (!known_.contains(name) && !has_no_counterpart(name)) report_.unexpected.push_back(name);
    return report_;
  }

 private:
  [[nodiscard]] bool is_head(const Parameter& p) const {
    return &p == &model_.prototypes() || &p == &model_.prototype_bias();
  }

  void load(const Parameter& p) {
    const std::string& name = p.spec.name;
    known_.insert(name);
    const auto found = file_.tensors.find(name);
    if (found == file_.tensors.end()) {
      report_.missing.push_back(name);
      return;
    }
    const SafetensorsEntry& entry = found->second;
    const std::vector<std::int64_t> expected = dims_of(file_shape(p.value.shape()));
    if (!is_float_type(entry.dtype)) {
      report_.misfits.push_back(str(name, " has elements of type ", entry.dtype));
    } else if (entry.shape == expected) {
      copy_from_file_order(p.value, floats_of(entry));
      ++report_.loaded;
    } else if (is_head(p) &&
               std::equal(entry.shape.begin() + 1, entry.shape.end(), expected.begin() + 1, expected.end())) {
      report_.is_head_new = true;
      if (&p == &model_.prototypes())
        report_.notes.push_back(str("last layer ", name, ": the file has ", entry.shape[0], " classes, the model ",
                                    expected[0], "; the model keeps its own start"));
    } else if (name == kPositions && fits_positions(entry.shape, expected)) {
      load_positions(p, entry);
    } else {
      report_.misfits.push_back(str(name, " has shape ", shape_text(entry.shape), ", expected ", shape_text(expected)));
    }
  }

  [[nodiscard]] static bool fits_positions(const std::vector<std::int64_t>& from, const std::vector<std::int64_t>& to) {
    if (from.size() != 3 || from[0] != 1 || from[2] != to[2] || from[1] < 2) return false;
    const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(from[1] - 1))));
    return side * side == from[1] - 1;
  }

  void load_positions(const Parameter& p, const SafetensorsEntry& entry) {
    const ModelSpec& s = model_.spec();
    const std::int64_t tokens = p.value.dim(1) - 1;
    const auto rows = static_cast<std::int64_t>(
        std::lround(std::sqrt(static_cast<double>(tokens) * s.input_height() / s.input_width())));
    p.value.copy_from_host<float>(resample_positions(floats_of(entry), p.value.dim(2), rows, tokens / rows));
    report_.notes.push_back(
        str(kPositions, ": interpolated from ", entry.shape[1] - 1, " patches to ", rows, "x", tokens / rows));
    ++report_.loaded;
  }

  const SafetensorsFile& file_;
  const Model& model_;
  WeightsReport report_;
  std::set<std::string> known_;
};

}  // namespace

std::string WeightsReport::text() const {
  std::string all;
  for (const std::string& n : missing) all += "missing: " + n + "\n";
  for (const std::string& n : unexpected) all += "unexpected: " + n + "\n";
  for (const std::string& n : misfits) all += "does not fit: " + n + "\n";
  return all;
}

WeightsReport import_weights(const SafetensorsFile& file, const Model& model, bool allow_partial) {
  WeightsReport report = Importer(file, model).run();
  if (report.is_complete() || allow_partial) return report;
  std::string problems;
  for (const auto& [what, names] :
       {std::pair("missing: ", &report.missing), {"unexpected: ", &report.unexpected}, {"", &report.misfits}})
    for (const std::string& n : *names) problems += (problems.empty() ? "" : "; ") + (what + n);
  throw mistake(file.path.string(), ": does not fit ", model.spec().name, ": ", problems,
                " (--allow-partial loads what fits)");
}

int head_classes(const SafetensorsFile& file) {
  for (const char* name : {"fc.weight", "head.weight"}) {
    const auto head = file.tensors.find(name);
    if (head != file.tensors.end() && head->second.shape.size() == 2) return static_cast<int>(head->second.shape[0]);
  }
  throw mistake(file.path.string(), ": neither fc.weight nor head.weight tells the class count; pass --classes");
}

void export_weights(const std::filesystem::path& path, const Model& model, const std::string& dtype,
                    const std::map<std::string, std::string>& metadata) {
  std::list<std::vector<std::byte>> storage;
  std::map<std::string, SafetensorsEntry> entries;
  const auto put = [&](const std::string& name, const std::string& type, const std::vector<std::int64_t>& shape,
                       std::vector<std::byte> bytes) {
    storage.push_back(std::move(bytes));
    entries[name] = {type, shape, storage.back()};
  };
  const auto put_parameter = [&](const Parameter& p) {
    put(p.spec.name, dtype, dims_of(file_shape(p.value.shape())), bytes_of(to_file_order(p.value), dtype));
  };
  for (const Parameter& p : model.parameters()) put_parameter(p);
  for (const Parameter& p : model.parameters().buffers()) {
    put_parameter(p);
    const std::string& name = p.spec.name;
    if (name.ends_with("running_mean"))
      put(name.substr(0, name.rfind('.') + 1) + kCounter, "I64", {}, std::vector<std::byte>(sizeof(std::int64_t)));
  }
  std::map<std::string, std::string> all = {{"format", "pt"}};
  all.insert(metadata.begin(), metadata.end());
  write_safetensors(path, entries, all);
}

std::vector<float> resample_positions(const std::vector<float>& positions, std::int64_t width, std::int64_t rows,
                                      std::int64_t cols) {
  const auto tokens = static_cast<std::int64_t>(positions.size()) / width - 1;
  const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(tokens))));
  std::vector<float> out(static_cast<std::size_t>((1 + rows * cols) * width));
  std::copy(positions.begin(), positions.begin() + width, out.begin());
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < cols; ++c) {
      const Taps down = taps_for(r, side, rows), across = taps_for(c, side, cols);
      for (std::int64_t d = 0; d < width; ++d) {
        double sum = 0;
        for (std::size_t i = 0; i < down.weights.size(); ++i)
          for (std::size_t j = 0; j < across.weights.size(); ++j) {
            const std::int64_t token =
                1 + (down.first + static_cast<std::int64_t>(i)) * side + across.first + static_cast<std::int64_t>(j);
            sum += down.weights[i] * across.weights[j] * positions[static_cast<std::size_t>(token * width + d)];
          }
        out[static_cast<std::size_t>((1 + r * cols + c) * width + d)] = static_cast<float>(sum);
      }
    }
  return out;
}

}  // namespace kelvin
