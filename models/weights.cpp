#include "models/weights.h"

#include <algorithm>
#include <cmath>

#include "engine/tensor_file.h"
#include "kernels/device/listed.h"
#include "models/positions.h"
#include "models/wrappers.h"

namespace kelvin {
namespace {

constexpr const char* kPositions = "pos_embed";

class Importer {
 public:
  Importer(const SafetensorsFile& file, const Model& model, const ImportOptions& options)
      : file_(file), model_(model), options_(options), source_(unwrap(file, model.parameters())) {}

  WeightsReport run() {
    report_.notes = source_.notes;
    for (const Parameter& p : model_.parameters()) load(p);
    for (const Parameter& p : model_.parameters().buffers()) load(p);
    report_.unexpected = source_.unexpected;
    return report_;
  }

 private:
  [[nodiscard]] bool is_head(const Parameter& p) const {
    return &p == &model_.prototypes() || &p == &model_.prototype_bias();
  }

  void load(const Parameter& p) {
    const std::string& name = p.spec.name;
    const auto found = source_.tensors.find(name);
    if (found == source_.tensors.end()) {
      report_.missing.push_back(name);
      report_.is_head_new |= &p == &model_.prototypes();
      return;
    }
    const SafetensorsEntry& entry = *found->second;
    const Shape shape = file_shape(p.value.shape());
    const std::vector<std::int64_t> expected(shape.begin(), shape.end());
    const bool is_like = entry.shape.size() == expected.size() && !expected.empty();
    if (!is_float_type(entry.dtype)) {
      report_.misfits.push_back(str(name, " has elements of type ", entry.dtype));
    } else if (name == kPositions && is_like && entry.shape[0] == 1 && entry.shape[1] > 1 &&
               entry.shape[2] == expected[2]) {
      load_positions(p, entry);
    } else if (entry.shape == expected) {
      copy_from_file_order(p.value, floats_of(entry));
      ++report_.loaded;
    } else if (!options_.is_exact && is_head(p) && is_like &&
               std::equal(entry.shape.begin() + 1, entry.shape.end(), expected.begin() + 1)) {
      keep_head(p, entry.shape[0]);
    } else {
      report_.is_head_new |= &p == &model_.prototypes();
      report_.misfits.push_back(str(name, " has shape ", shape_text(entry.shape), ", expected ", shape_text(expected)));
    }
  }

  void keep_head(const Parameter& p, std::int64_t classes) {
    report_.is_head_new = true;
    if (&p == &model_.prototypes())
      report_.notes.push_back(str("last layer ", p.spec.name, ": the file has ", classes, " classes, the model ",
                                  p.value.dim(0), "; the model keeps its own start"));
  }

  // The grid of a file's positions: as its images say, else a square, else the model's own where the count is its.
  PatchGrid grid_of(std::int64_t patches, PatchGrid own) {
    if (options_.height > 0) return patch_grid(patches, options_.height, options_.width);
    if (const PatchGrid square = patch_grid(patches, 1, 1); square.rows > 0) return square;
    if (patches != own.size()) return {};
    report_.notes.push_back(str(kPositions, ": ", patches, " patches are taken as ", own.rows, "x", own.cols,
                                ", the model's; the file does not say"));
    return own;
  }

  void load_positions(const Parameter& p, const SafetensorsEntry& entry) {
    const ModelSpec& s = model_.spec();
    const PatchGrid own = patch_grid(p.value.dim(1) - 1, s.input_height(), s.input_width());
    const PatchGrid from = grid_of(entry.shape[1] - 1, own);
    if (from.rows == 0) {
      report_.misfits.push_back(
          str(kPositions, " has ", entry.shape[1] - 1, " patches, which form no grid that is known here"));
      return;
    }
    if (from != own && options_.is_exact) {
      const bool is_square = s.input_height() == s.input_width();
      const std::int64_t side = is_square ? s.input_height() : s.input_height() / own.rows * from.rows;
      report_.misfits.push_back(str(kPositions, " is of ", from.rows, "x", from.cols, " patches, images of ",
                                    s.input_height(), "x", s.input_width(), " have ", own.rows, "x", own.cols));
      report_.remedy = message("; kelvin weights import ", file_.path.string(), " ", "model"_field, " ", s.name, " ",
                               "size"_field, " ", side, " ", "out"_field, " FILE resamples it");
      return;
    }
    ++report_.loaded;
    if (from == own) {
      p.value.copy_from_host<float>(floats_of(entry));
      return;
    }
    p.value.copy_from_host<float>(resample_positions(floats_of(entry), p.value.dim(2), from, own));
    report_.notes.push_back(str(kPositions, ": interpolated from ", from.size(), " patches to ", own.rows, "x",
                                own.cols, from.size() == own.size() ? str(", from ", from.rows, "x", from.cols) : ""));
  }

  const SafetensorsFile& file_;
  const Model& model_;
  const ImportOptions& options_;
  UnwrappedTensors source_;
  WeightsReport report_;
};

}  // namespace

std::string WeightsReport::problems() const {
  std::string text;
  const auto add = [&text](const char* what, const std::vector<std::string>& names) {
    if (!names.empty()) text += str(text.empty() ? "" : "; ", what, briefly_listed(names));
  };
  add("missing: ", missing);
  add("unexpected: ", unexpected);
  add("", misfits);
  return text;
}

WeightsReport import_weights(const SafetensorsFile& file, const Model& model, const ImportOptions& options) {
  WeightsReport report = Importer(file, model, options).run();
  if (!report.is_complete() && !options.allow_partial) {
    const bool is_other = !report.missing.empty() || !report.unexpected.empty();
    throw mistake(file.path.string(), ": does not fit ", model.spec().name, ": ", report.problems(), report.remedy,
                  !is_other || report.loaded == 0 ? Message("")
                                                  : message(options.is_exact ? " (kelvin weights import " : " (",
                                                            "allow-partial"_field, " loads what fits)"));
  }
  if (report.loaded == 0)
    throw mistake(file.path.string(), ": none of its ", file.tensors.size(), " tensors belongs to ", model.spec().name,
                  "; ", report.problems());
  return report;
}

std::optional<int> find_head_classes(const SafetensorsFile& file) {
  for (const auto& [name, entry] : file.tensors) {
    const std::string own = name.substr(wrapper_of(name).size());
    for (const char* head : {"fc.weight", "head.weight", "linear.weight", "logits.weight"})
      if (own == head && entry.shape.size() == 2) return static_cast<int>(entry.shape[0]);
  }
  return {};
}

int head_classes(const SafetensorsFile& file) {
  if (const auto classes = find_head_classes(file)) return *classes;
  throw mistake(file.path.string(),
                ": none of fc.weight, head.weight, linear.weight and logits.weight tells the class count; pass ",
                "classes"_field);
}

}  // namespace kelvin
