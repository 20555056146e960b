// kelvin corrupt
#include <sstream>

#include "apps/cli/commands.h"
#include "apps/cli/progress.h"
#include "apps/report/results.h"
#include "apps/report/text_table.h"
#include "data/corruptions.h"
#include "data/npy.h"

namespace kelvin {
namespace {

struct CorruptFlags {
  TargetOptions target;
  std::string corruptions = "all", severity = "3", save;
};

std::vector<std::string> parse_names(const std::string& text) {
  if (text == "all") return corruption_names();
  std::vector<std::string> names;
  std::istringstream in(text);
  for (std::string name; std::getline(in, name, ',');) names.push_back(name);
  return names;
}

std::vector<int> parse_severities(const std::string& text) {
  if (text == "all") return {1, 2, 3, 4, 5};
  if (text.size() != 1 || text[0] < '1' || text[0] > '5')
    throw mistake("--severity ", text, ": expected 1 to 5 or all");
  return {text[0] - '0'};
}

// The layout of CIFAR-10-C: one file a corruption with all severities one after the other, and the labels as often.
class CorruptionWriter {
 public:
  CorruptionWriter(const std::filesystem::path& folder, const ImageSet& clean, std::size_t severities)
      : folder_(folder), clean_(clean), severities_(severities) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) throw mistake(folder.string(), ": cannot be made: ", error.message());
  }
  void add(const CorruptionRow& row, const ImageSet& images) {
    pixels_.insert(pixels_.end(), images.bytes.begin(), images.bytes.end());
    if (++count_ % severities_ != 0) return;
    const auto n = static_cast<std::int64_t>(severities_) * clean_.count;
    write_npy(folder_ / (row.corruption + ".npy"), std::span<const std::uint8_t>(pixels_),
              {n, clean_.height, clean_.width, clean_.channels});
    pixels_.clear();
    if (count_ > severities_) return;
    std::vector<std::uint8_t> labels;
    for (std::size_t s = 0; s < severities_; ++s)
      labels.insert(labels.end(), clean_.labels.begin(), clean_.labels.end());
    write_npy(folder_ / "labels.npy", std::span<const std::uint8_t>(labels), {n});
  }

 private:
  std::filesystem::path folder_;
  const ImageSet& clean_;
  std::size_t severities_, count_ = 0;
  std::vector<std::uint8_t> pixels_;
};

void run(const CorruptFlags& f, const CommonOptions& common) {
  const std::vector<int> severities = parse_severities(f.severity);
  const std::vector<std::string> names = parse_names(f.corruptions);
  const Target target = open_target(f.target, common);
  std::optional<CorruptionWriter> writer;
  if (!f.save.empty()) writer.emplace(f.save, target.data.test, severities.size());
  Progress progress("corruptions", "images", common.quiet);
  const CorruptionTable table = corruption_accuracy(
      *target.trained.model, target.data.test, names, severities, common.seed, f.target.batch_size,
      [&](const CorruptionRow& row, const ImageSet& images) {
        if (writer) writer->add(row, images);
      },
      [&](std::int64_t done, std::int64_t total) { progress.update(done, total, ""); });
  progress.finish();
  const Json json = to_json(table, target.trained.info.train_tau);
  target.save("corrupt", json);
  TextTable text({"corruption", "severity", "accuracy"});
  for (const CorruptionRow& row : table.rows) text.add({row.corruption, str(row.severity), percent(row.accuracy)});
  print_result(common, text.str() + str("mean accuracy ", percent(table.mean_accuracy()), " on ", table.n, " images\n"),
               json);
}

}  // namespace

void add_corrupt(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<CorruptFlags>();
  CLI::App* const c =
      add_command(app, common, "corrupt", "Accuracy under common corruptions generated from the test set",
                  "  kelvin corrupt runs/tau50\n"
                  "  kelvin corrupt runs/tau50 --corruptions gaussian_noise,jpeg_compression --severity all\n"
                  "  kelvin corrupt runs/tau50 --save corrupted/",
                  [f, &common] { run(*f, common); });
  add_target_options(*c, f->target);
  std::string known;
  for (const std::string& name : corruption_names()) known += (known.empty() ? "" : ", ") + name;
  for (const std::string& name : extra_corruption_names()) known += ", " + name + " (extra, not in all)";
  c->add_option("--corruptions", f->corruptions, "all, or names with commas: " + known)->capture_default_str();
  c->add_option("--severity", f->severity, "1 to 5, or all")->capture_default_str();
  c->add_option("--save", f->save, "Write the images there in the layout of CIFAR-10-C");
}

}  // namespace kelvin
