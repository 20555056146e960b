// Where a run stands: saved with every checkpoint (metadata "kelvin.position"), so that a resumed run goes on, and reports, as one that
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

// What an epoch said of itself when it ended.
struct EpochFigures {
  double train_loss = 0;  // mean over its batches
  double train_accuracy = 0;
  double img_per_s = 0;
  std::optional<ValidationScores> validation;  // where the data has a validation split
};

struct Position {
  std::uint32_t epoch = 0;  // finished epochs
  std::int64_t step = 0;
  std::uintmax_t metrics_bytes = 0;
  BestEpoch best;
  std::optional<EpochFigures> last;  // of the epoch that ended last; files of earlier versions hold none
  std::vector<std::string> notes;    // what the weights of --init had to say
  // What the run was begun with; empty in files of earlier versions.
  std::map<std::string, std::string> flags;         // of the command that trains it (TrainOptions::flags)
  std::map<std::string, std::string> flags_before;  // until config.toml has followed: see record_flags
  std::map<std::string, std::string> data;          // of its data set (digests_of in data_digest.h)
};

inline constexpr const char* kPositionKey = "kelvin.position";

[[nodiscard]] Json to_json(const Position& position);
[[nodiscard]] Position position_from(const SafetensorsFile& checkpoint);  // a mistake where it is absent or damaged

// A resumed run has other flags: its checkpoint is told first, so that a process killed before config.toml is written leaves one that the
// checkpoint still knows.
void record_flags(const RunFolder& run, const std::map<std::string, std::string>& flags);

}  // namespace kelvin
