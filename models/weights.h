// Weights of other programs in and out. Parameters carry the names that torchvision (resnet*) and timm (vit_*) give them, so a
// safetensors file of theirs is read as it is: filters are turned from [K, C, R, S] to [K, R, S, C], element types converted.
//
// What may differ and is said in a note: a wrapper before every name (models/wrappers.h), the last layer when class counts differ (the model keeps its own start), and position
// embeddings of another image size (models/positions.h). BatchNorm's num_batches_tracked counts nothing here and is passed over, as are
// optimizer states and averaged weights of checkpoints.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/safetensors.h"
#include "models/model.h"

namespace kelvin {

struct WeightsReport {
  int loaded = 0;
  std::vector<std::string> missing;     // parameters that the file lacks: they keep their start
  std::vector<std::string> unexpected;  // tensors of the file that the model lacks
  std::vector<std::string> misfits;     // "name has shape [..], expected [..]"
  Message remedy = "";                  // what makes a misfit fit, where something does
  std::vector<std::string> notes;       // wrapper taken off, head replaced, positions interpolated
  bool is_head_new = false;             // the last layer kept its own start
  [[nodiscard]] bool is_complete() const { return missing.empty() && unexpected.empty() && misfits.empty(); }
  // "missing: a, b and 7 more; unexpected: ...": the first few of each kind by name; empty where all is complete.
  [[nodiscard]] std::string problems() const;
};

struct ImportOptions {
  bool allow_partial = false;  // load what fits; the report names the rest
  // For evaluation: a last layer of another class count or positions of another grid do not fit, since nothing trains them afterwards.
  bool is_exact = false;
  // The images that the file's model was made for, where that is known: what grid its position embeddings form. 0: a square.
  int height = 0, width = 0;
};

// Copies what fits into the model. Throws a mistake that names the first missing, unexpected or mis-shaped tensors unless
// `allow_partial`, and one where nothing at all fits.
WeightsReport import_weights(const SafetensorsFile& file, const Model& model, const ImportOptions& options);

// Classes of a file: the rows of its last layer (fc.weight, head.weight, linear.weight or logits.weight, in a wrapper or not). Nothing where there is none.
[[nodiscard]] std::optional<int> find_head_classes(const SafetensorsFile& file);
// The same; a mistake where there is none.
[[nodiscard]] int head_classes(const SafetensorsFile& file);

struct ExportReport {
  std::vector<std::string> vanished;  // tensors some of whose values are too small for the type and became 0
};

// Writes parameters and buffers under the names above, as F32, F16 or BF16, with num_batches_tracked (I64) beside every BatchNorm, so
// that PyTorch's load_state_dict(strict=True) takes the file. `metadata` stands beside {"format": "pt"}. A mistake where a value is too
// large for the type.
ExportReport export_weights(const std::filesystem::path& path, const Model& model, const std::string& dtype,
                            const std::map<std::string, std::string>& metadata = {});

}  // namespace kelvin
