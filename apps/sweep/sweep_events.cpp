#include "apps/sweep/sweep_events.h"

#include <algorithm>

#include "apps/run/number_text.h"
#include "apps/tensorboard/event_file.h"
#include "apps/tensorboard/events.h"
#include "apps/training/logged_steps.h"
#include "engine/atomic_file.h"
#include "engine/input_file.h"
#include "engine/printable.h"
#include "kernels/device/exact.h"

namespace kelvin {
namespace {

constexpr const char *kExperimentFile = "events.out.tfevents.experiment", *kMeasured = "measured",
                     *kMeasuredFile = "events.out.tfevents.measured";

std::filesystem::path events_of(const std::filesystem::path& events, const RunFolder& cell) {
  return events / cell.path.filename();
}

void make_events_folder(const std::filesystem::path& folder) {
  if (!is_writer()) return;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw mistake("tensorboard"_field, " ", printable(folder.string()), ": cannot make the folder: ", error.message(),
                  "; choose another");
}

void write_events(const std::filesystem::path& file, std::int64_t step, const EventSummary& summary) {
  const double now = seconds_since_1970();
  const std::string text = record_of(version_event(now)) + record_of(summary_event(now, step, summary.str()));
  write_file_atomically(file, std::as_bytes(std::span(text)));
}

// As a run records it: 1/2 is 0.5.
std::string recorded_value(const std::string& text) {
  double value = 0;
  return read_fraction(text, value).empty() ? exact(value) : text;
}

// The flags in which the cells differ, and the seed.
std::vector<Experiment::Setting> settings_of(const std::vector<Cell>& cells) {
  std::vector<Experiment::Setting> settings;
  for (const Cell& cell : cells)
    for (const Flag& flag : cell.flags) {
      const auto found = std::ranges::find(settings, flag.name, &Experiment::Setting::name);
      Experiment::Setting& setting =
          found != settings.end() ? *found : settings.emplace_back(Experiment::Setting{flag.name, {}});
      setting.values.push_back(recorded_value(flag.value));
    }
  std::erase_if(settings, [&](const Experiment::Setting& s) {
    const bool is_alike = s.values.size() == cells.size() && std::ranges::count(s.values, s.values.front()) ==
                                                                 static_cast<std::ptrdiff_t>(s.values.size());
    return is_alike && s.name != "seed";
  });
  return settings;
}

}  // namespace

void require_place_for_events(const std::filesystem::path& events, const std::vector<RunFolder>& beginning) {
  for (const RunFolder& cell : beginning)
    if (has_event_files(events_of(events, cell)))
      throw mistake("tensorboard"_field, " ", printable(events_of(events, cell).string()),
                    ": holds events of another training; remove it, or choose another folder");
  make_events_folder(events);
  require_writable(events / kExperimentFile);
}

void remove_events(const std::filesystem::path& events, const std::vector<RunFolder>& cells) {
  for (const RunFolder& cell : cells)
    for (const std::filesystem::path& folder : {events_of(events, cell), events_of(events, cell) / kMeasured})
      remove_event_files(folder);
}

void write_measured_events(const std::filesystem::path& events, const RunFolder& cell) {
  EventSummary summary;
  for (const auto& [key, value] : read_figures(cell, 1).values) summary.scalar(key, value);
  if (summary.is_empty()) return;
  const std::filesystem::path folder = events_of(events, cell) / kMeasured;
  make_events_folder(folder);
  const std::vector<LoggedSteps> logged = logged_steps(cell);
  write_events(folder / kMeasuredFile, logged.empty() ? 0 : logged.back().step, summary);
}

void write_experiment_events(const std::filesystem::path& events, const SweepTable& table,
                             const std::vector<Cell>& cells) {
  Experiment experiment{
      .description = table.title, .created = seconds_since_1970(), .settings = settings_of(cells), .metrics = {}};
  for (const SweepColumn& column : table.columns)
    experiment.metrics.push_back({.group = kMeasured, .tag = column.key, .title = column.title});
  write_events(events / kExperimentFile, 0, EventSummary().experiment(experiment));
}

}  // namespace kelvin
