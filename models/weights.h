// Weights of other programs in and out. Parameters carry the names that torchvision (resnet*) and timm (vit_*) give them, so a
// safetensors file of theirs is read as it is: filters are turned from [K, C, R, S] to [K, R, S, C], element types converted.
//
// What may differ and is said in a note: the last layer when class counts differ (the model keeps its own start), and position
// embeddings of another image size (bicubic interpolation with antialiasing, as timm's resample_abs_pos_embed). BatchNorm's
// num_batches_tracked counts nothing here and is passed over, as are optimizer states and averaged weights of our own checkpoints.
#pragma once

#include <map>
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
  std::vector<std::string> notes;       // head replaced, positions interpolated
  bool is_head_new = false;             // the last layer kept its own start
  [[nodiscard]] bool is_complete() const { return missing.empty() && unexpected.empty() && misfits.empty(); }
  [[nodiscard]] std::string text() const;  // every problem by name, one a line
};

// Copies what fits into the model. Throws a mistake that names every missing, unexpected or mis-shaped tensor unless `allow_partial`.
WeightsReport import_weights(const SafetensorsFile& file, const Model& model, bool allow_partial);

// Classes of a file: the rows of its last layer (fc.weight or head.weight). Throws a mistake where there is none.
[[nodiscard]] int head_classes(const SafetensorsFile& file);

// Writes parameters and buffers under the names above, as F32, F16 or BF16, with num_batches_tracked (I64) beside every BatchNorm, so
// that PyTorch's load_state_dict(strict=True) takes the file. `metadata` stands beside {"format": "pt"}.
void export_weights(const std::filesystem::path& path, const Model& model, const std::string& dtype,
                    const std::map<std::string, std::string>& metadata = {});

// Positions [1, 1 + from², d] resampled to [1, 1 + rows·cols, d]; the first token (the class token's) is kept. A square grid is assumed,
// as timm does.
[[nodiscard]] std::vector<float> resample_positions(const std::vector<float>& positions, std::int64_t width,
                                                    std::int64_t rows, std::int64_t cols);

}  // namespace kelvin
