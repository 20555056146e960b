#include "apps/training/tensorboard_log.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "data/png_writer.h"
#include "engine/atomic_file.h"
#include "engine/printable.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

// What becomes of the fields of a line of metrics.jsonl. Those of an epoch's line that its last step has too are left out.
struct Scalar {
  const char *field, *tag;
};
constexpr Scalar kOfSteps[] = {{"loss", "train/loss"},
                               {"accuracy", "train/accuracy"},
                               {"lr", "train/learning_rate"},
                               {"tau", "train/tau"},
                               {"epoch", "train/epoch"}};
constexpr Scalar kOfEpochs[] = {{"train_loss", "train/epoch_loss"},
                                {"train_accuracy", "train/epoch_accuracy"},
                                {"img_per_s", "train/images_per_second"},
                                {"zero_gradient_fraction", "train/zero_gradient_fraction"},
                                {"displacement", "train/displacement"},
                                {"fosc", "train/fosc"},
                                {"test_accuracy", "test/accuracy"},
                                {"ema_test_accuracy", "test/ema_accuracy"},
                                {"validation_accuracy", "validation/accuracy"},
                                {"validation_robust_accuracy", "validation/robust_accuracy"}};

EventSummary scalars_of(const Json& line, std::span<const Scalar> scalars) {
  EventSummary summary;
  for (const auto& [field, tag] : scalars)
    if (const auto found = line.find(field); found != line.end())  // JSON has null for a loss that is no number
      summary.scalar(tag, found->is_number() ? found->get<double>() : std::numeric_limits<double>::quiet_NaN());
  return summary;
}

std::string name_of_run(const RunFolder& run) {
  const std::filesystem::path path = std::filesystem::absolute(run.path).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

// Images [N, H, W, C] beside and below each other, at most 8 x 8 and about 1024 pixels, 2 black pixels between them.
EventSummary grid_of(const Tensor& images) {
  constexpr std::int64_t kMostInRow = 8, kMostPixels = 1024, kGap = 2;
  const std::int64_t height = images.dim(1), width = images.dim(2), channels = images.dim(3);
  const std::int64_t columns = std::min(std::clamp<std::int64_t>(kMostPixels / width, 1, kMostInRow), images.dim(0));
  const std::int64_t most_rows = std::clamp<std::int64_t>(kMostPixels / height, 1, kMostInRow);
  const std::int64_t rows = std::min((images.dim(0) + columns - 1) / columns, most_rows);
  const std::int64_t n = std::min(images.dim(0), rows * columns);
  const std::vector<float> pixels = images.narrow(0, n).to_host<float>();
  const Shape shape{rows * (height + kGap) - kGap, columns * (width + kGap) - kGap, channels};
  std::vector<float> grid(static_cast<std::size_t>(shape[0] * shape[1] * channels));
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t y = 0; y < height; ++y) {
      const std::int64_t row = i / columns * (height + kGap) + y, column = i % columns * (width + kGap);
      std::copy_n(pixels.data() + (i * height + y) * width * channels, width * channels,
                  grid.data() + (row * shape[1] + column) * channels);
    }
  EventSummary summary;
  summary.image("train/images", static_cast<int>(shape[0]), static_cast<int>(shape[1]), static_cast<int>(channels),
                png_bytes({grid.data(), shape}));
  return summary;
}

}  // namespace

TensorBoardLog::TensorBoardLog(const TrainOptions& options, const RunFolder& run, std::int64_t steps)
    : folder_(std::filesystem::path(options.tensorboard) / name_of_run(run)),
      steps_(steps),
      is_resumed_(options.resume),
      settings_(options.flags) {
  settings_.erase("tensorboard");
  const std::string name = printable(folder_.string());
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error)
    throw mistake("tensorboard"_field, " ", name, ": cannot make the folder: ", error.message(), "; choose another");
  if (!is_resumed_ && has_event_files(folder_))
    throw mistake("tensorboard"_field, " ", name,
                  ": holds events of another training; remove it, or choose another folder or another ", "out"_field);
  require_writable(folder_ / "events");
}

void TensorBoardLog::begin() {
  file_.emplace(folder_);
  const double now = seconds_since_1970();
  if (is_resumed_) file_->add(restart_event(now, steps_ + 1));
  file_->add(summary_event(now, 0, EventSummary().session_start(settings_, now).str()));
  if (!images_.is_empty()) file_->add(summary_event(now, steps_ + 1, images_.str()));
  images_ = {};
}

void TensorBoardLog::add_images(const Tensor& images) { images_ = grid_of(images); }

void TensorBoardLog::write(const Json& line) {
  const EventSummary summary = scalars_of(
      line, line.at("kind") == "epoch" ? std::span<const Scalar>(kOfEpochs) : std::span<const Scalar>(kOfSteps));
  if (summary.is_empty()) return;
  if (!file_) begin();
  file_->add(summary_event(seconds_since_1970(), line.at("step"), summary.str()));
}

void TensorBoardLog::finish(bool is_success) {
  if (!file_) return;
  const double now = seconds_since_1970();
  file_->add(summary_event(now, 0, EventSummary().session_end(is_success, now).str()));
}

void TensorBoardLog::sync() const {
  if (file_) file_->sync();
}

std::optional<TensorBoardLog> tensorboard_log(const TrainOptions& options, const RunFolder& run, std::int64_t steps) {
  if (options.tensorboard.empty() || !processes().is_first()) return {};
  return TensorBoardLog(options, run, steps);
}

}  // namespace kelvin
