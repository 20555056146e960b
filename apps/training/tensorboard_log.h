// The figures of metrics.jsonl as event files of TensorBoard (apps/tensorboard), in the folder `options.tensorboard`/NAME, where NAME is that of
// the run folder.
//
//   train/loss, accuracy, learning_rate, tau, epoch   of the steps since the last line, every `log_every` steps
//   train/epoch_loss, train/epoch_accuracy, test/accuracy, validation/accuracy, train/zero_gradient_fraction, ...   every epoch
//   train/images                                      the first batch as the model gets it, augmented
//   the flags of the run and how it ended             for the HParams tab
//
// The step of an event is the number of batches since the start of the run, from 1; at the end of an epoch that of its last batch. A resumed run
// begins a new file, whose first event makes TensorBoard drop what a killed run wrote after its last checkpoint.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "apps/run/run_folder.h"
#include "apps/tensorboard/event_file.h"
#include "apps/tensorboard/events.h"
#include "apps/training/train.h"

namespace kelvin {

class TensorBoardLog {
 public:
  // Makes the folder. The file appears with the first line, when the training has begun. `steps`: those that a resumed run has behind it.
  // Throws a mistake if the folder cannot be written, or if a new run finds events of another one.
  TensorBoardLog(const TrainOptions& options, const RunFolder& run, std::int64_t steps);

  void add_images(const Tensor& images);  // float32 [N, H, W, C]; a grid of the first of them
  void write(const Json& line);           // a line of metrics.jsonl
  void finish(bool is_success);           // nothing if no line was written
  void sync() const;

 private:
  void add(std::int64_t step, const EventSummary& summary);
  void begin();

  std::filesystem::path folder_;
  std::int64_t steps_;
  bool is_resumed_;
  std::map<std::string, std::string> settings_;
  EventSummary images_;
  std::optional<EventFile> file_;
};

// The log of a training; none without `options.tensorboard`, and on ranks that write no files.
[[nodiscard]] std::optional<TensorBoardLog> tensorboard_log(const TrainOptions& options, const RunFolder& run,
                                                            std::int64_t steps);

}  // namespace kelvin
