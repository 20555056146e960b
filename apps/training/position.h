// The progress of a run, saved with every checkpoint (metadata "kelvin.position"), so that a resumed run continues and reports like one that
// was never interrupted.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/run/run_folder.h"
#include "apps/training/selection.h"

namespace kelvin {

// The results of one epoch.
struct EpochFigures {
  double train_loss = 0;  // mean over its batches
  double train_accuracy = 0;
  double img_per_s = 0;
  std::optional<ValidationScores> validation;  // if the data has a validation split
};

struct Position {
  std::uint32_t epoch = 0;  // finished epochs
  std::int64_t step = 0;
  std::uintmax_t metrics_bytes = 0;
  BestEpoch best;
  std::optional<EpochFigures> last;  // of the last finished epoch; absent in files of earlier versions
  std::vector<std::string> notes;    // notes about the weights of --init
  // The flags and data of the run; empty in files of earlier versions.
  std::map<std::string, std::string> flags;         // of the command that trains it (TrainOptions::flags)
  std::map<std::string, std::string> flags_before;  // until config.toml is written, too: see record_flags
  std::map<std::string, std::string> data;          // digests of its data set (digests_of in data_digest.h)
};

inline constexpr const char* kPositionKey = "kelvin.position";

[[nodiscard]] Json to_json(const Position& position);
[[nodiscard]] Position position_from(const SafetensorsFile& checkpoint);  // throws a mistake if absent or damaged

// Records the new flags of a resumed run in its checkpoint, before config.toml is written. If the process is killed in between, the
// checkpoint also holds the flags of the old config.toml.
void record_flags(const RunFolder& run, const std::map<std::string, std::string>& flags);

}  // namespace kelvin
