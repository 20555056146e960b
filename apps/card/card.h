// The robustness card: everything that a reader of a claim about one model's robustness wants to see, from one audit.
//
// As JSON (apps/card/README.md describes its keys) and as one HTML page that shows the same JSON (write_card.h). The same audit by the same
// program gives the same bytes: there is no time and no number of threads in it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/analysis/audit.h"

namespace kelvin {

struct CardFile {
  std::string name, sha256;
  std::uint64_t bytes = 0;
};

// What the audit itself does not know. An empty text is not known, and its key absent.
struct CardSubject {
  std::string model, model_from;  // "wrn_28_10", "names and shapes of the tensors"
  std::int64_t parameters = 0;
  int classes = 0;
  std::vector<CardFile> weights;
  bool is_average = false;       // the averaged weights of the file
  std::vector<float> mean, std;  // empty: images are taken as they are
  std::string normalisation_from;
  std::string data, half = "test";  // the half of the data set whose first images were taken
  bool is_whole_half = false;
  std::string images_sha256;
  std::vector<std::string> class_names;  // one an output; empty where they have only numbers
  std::string version, commit, device, onednn, precision;
  bool tf32 = false;
  std::vector<std::string> notes;
};

// Accuracies that others have published, as shares.
struct CardReference {
  std::optional<double> robust, clean;
};

inline constexpr double kCardLevel = 0.95;  // of the intervals

[[nodiscard]] Json card_json(const CardSubject& subject, const AuditOptions& options, const Audit& audit,
                             const CardReference& reference);

// "8/255" where it is a whole number of 255ths, else a decimal.
[[nodiscard]] std::string pixel_text(double value);

}  // namespace kelvin
