// The messages of TensorBoard's event files, encoded: Event (tensorflow/core/util/event.proto), Summary (framework/summary.proto), and what its
// HParams plugin reads (tensorboard/plugins/hparams/api.proto and plugin_data.proto).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kelvin {

// What the HParams tab compares: which settings, and which scalars as results.
struct Experiment {
  struct Setting {
    std::string name;
    std::vector<std::string> values;  // that it takes in the experiment; they tell its type
  };
  struct Metric {
    std::string group, tag;  // the scalar `tag` of the folder `group` below a session's
    std::string title;
  };
  std::string description;
  double created = 0;  // seconds since 1970
  std::vector<Setting> settings;
  std::vector<Metric> metrics;
};

// The values of one event: scalars, images, settings. Values of one step share an event.
class EventSummary {
 public:
  EventSummary& scalar(std::string_view tag, double value);  // kept as float32
  EventSummary& image(std::string_view tag, int height, int width, int channels, std::string_view png);
  // The settings of a training, for the HParams tab. Texts that are numbers, "true" or "false" become such values; of others, bytes that are not UTF-8 are escaped. start: seconds since 1970.
  EventSummary& session_start(const std::map<std::string, std::string>& settings, double start);
  EventSummary& session_end(bool is_success, double end);
  EventSummary& experiment(const Experiment& experiment);
  [[nodiscard]] bool is_empty() const { return text_.empty(); }
  [[nodiscard]] const std::string& str() const { return text_; }

 private:
  void value(const std::string& bytes);
  void hparams(std::string_view tag, int kind, std::string_view data);
  std::string text_;
};

// Whole events. time: seconds since 1970.
[[nodiscard]] std::string version_event(double time);
[[nodiscard]] std::string summary_event(double time, std::int64_t step, std::string_view summary);
// A training starts again: TensorBoard drops all that it has read of `step` and later ones (SessionLog START).
[[nodiscard]] std::string restart_event(double time, std::int64_t step);

}  // namespace kelvin
