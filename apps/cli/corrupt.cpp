// kelvin corrupt
#include <algorithm>

#include "apps/cli/commands.h"
#include "apps/cli/notes.h"
#include "apps/cli/progress.h"
#include "apps/cli/subcommand.h"
#include "apps/cli/target.h"
#include "apps/evaluation/corruptions.h"
#include "apps/evaluation/evaluate.h"
#include "apps/report/text_table.h"
#include "data/corrupted_files.h"
#include "data/corruptions.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

constexpr const char* kUsualSeverity = "3";

struct CorruptFlags {
  TargetOptions target;
  std::string corruptions = "all", severity = kUsualSeverity, from, save, baseline;
};

// Names separated by commas; `all` and `extra` stand for the two lists.
std::vector<std::string> parse_names(const std::string& text) {
  std::vector<std::string> known = corruption_names(), names;
  for (const std::string& name : extra_corruption_names()) known.push_back(name);
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const std::string& word : parts_of(text, ',')) {
    if (word == "all") {
      for (const std::string& name : corruption_names()) add(name);
    } else if (word == "extra") {
      for (const std::string& name : extra_corruption_names()) add(name);
    } else if (std::find(known.begin(), known.end(), word) != known.end()) {
      add(word);
    } else {
      std::string list;
      for (const std::string& name : known) list += ", " + name;
      throw mistake("--corruptions ", word, " is unknown; known: all, extra", list);
    }
  }
  if (names.empty()) throw mistake("--corruptions is empty; give all, extra or names");
  return names;
}

std::vector<int> parse_severities(const std::string& text) {
  if (text == "all") return {1, 2, 3, 4, 5};
  if (text.size() != 1 || text[0] < '1' || text[0] > '5')
    throw mistake("--severity ", text, ": expected 1 to 5 or all");
  return {text[0] - '0'};
}

TrainedModel open_baseline(const std::string& run, const Target& target, const CommonOptions& common) {
  const SafetensorsFile file = open_checkpoint(RunFolder{run});
  add_note(age_note(file));
  const RunInfo info = run_info_from(file);
  const ModelSpec &a = info.model, &b = target.trained.info.model;
  if (a.height != b.height || a.width != b.width || a.channels != b.channels || a.classes != b.classes)
    throw mistake("--baseline ", run, ": its model takes ", a.height, "x", a.width, "x", a.channels, " images of ",
                  a.classes, " classes, the model in question ", b.height, "x", b.width, "x", b.channels, " of ",
                  b.classes);
  TrainedModel baseline = build_trained_model(file, info, open_device(common));
  align_outputs(*baseline.model, class_names_of(info), "--baseline " + run, target.classes->outputs(), b.classes);
  return baseline;
}

std::string table_text(const CorruptionTable& table, const Json& json) {
  std::vector<std::string> head = {"corruption", "severity", "accuracy"};
  if (table.has_baseline()) head.insert(head.end(), {"baseline", "only model right", "only baseline right", "p"});
  TextTable text(head);
  for (const CorruptionRow& row : table.rows) {
    std::vector<std::string> cells = {row.corruption, str(row.severity), percent(row.accuracy)};
    if (row.paired)
      cells.insert(cells.end(), {percent(row.paired->baseline_accuracy), str(row.paired->only_model),
                                 str(row.paired->only_baseline), number(row.paired->p_value(), 2)});
    text.add(cells);
  }
  std::string out =
      text.str() + str("mean corruption accuracy ", percent(table.mean_accuracy()), " on ", table.n, " images a row\n");
  const auto line = [&](const char* name, const std::string& key, const char* meaning, const char* reason) {
    if (!json.contains(key)) return;
    const Json &value = json[key], &left_out = json[key + "_left_out"];
    out += str(name, " ", value.is_number() ? percent(value.get<double>()) : "–", " ", meaning);
    if (!left_out.empty()) out += str(", without ", listed(left_out.get<std::vector<std::string>>()), ": ", reason);
    out += "\n";
  };
  line("mCE", "mce", "of the baseline's errors", "the baseline makes no error there");
  line("relative mCE", "relative_mce", "of what corruption adds to the baseline's errors", "it adds none there");
  return out;
}

// The unusual settings of the rows, for the name of the file. A baseline only adds to the rows, so it does not change the name.
std::string settings_of(const CorruptFlags& f, const std::vector<std::string>& names, const CommonOptions& common) {
  std::string text;
  if (names != corruption_names()) text += "-" + file_name_text(f.corruptions);
  if (f.severity != kUsualSeverity) text += "-severity-" + f.severity;
  if (!f.from.empty()) {
    const std::filesystem::path from = std::filesystem::path(f.from).lexically_normal();
    text += "-from-" + file_name_text((from.filename().empty() ? from.parent_path() : from).filename().string());
  } else if (common.seed != 0) {
    text += str("-seed", common.seed);
  }
  return text;
}

void run(const CorruptFlags& f, const CommonOptions& common) {
  const std::vector<int> severities = parse_severities(f.severity);
  const std::vector<std::string> names = parse_names(f.corruptions);
  if (!f.from.empty() && !f.save.empty())
    throw mistake("--from and --save: the images would be copied; give one of them");
  const Target target = open_target(f.target, common);
  const ImageSet& clean = target.data.test;
  TrainedModel baseline;
  if (!f.baseline.empty()) baseline = open_baseline(f.baseline, target, common);
  std::optional<CorruptedFiles> files;
  if (!f.from.empty()) {
    files.emplace(f.from, target.data);
    for (const std::string& name : names) files->require(name, severities);
  }
  std::optional<CorruptedWriter> writer;
  if (!f.save.empty()) writer.emplace(f.save, severities).require(names, clean);

  const CorruptedImages generated = generated_corruptions(clean, common.seed);
  const CorruptedImages images = [&](const std::string& name, int severity) {
    ImageSet set = files ? files->load(name, severity, f.target.limit) : generated(name, severity);
    if (!files) set.labels = target.own_labels;
    if (writer) writer->add(name, severity, set);
    target.classes->apply(set);
    return set;
  };
  Progress progress("corruptions", "rows", common.quiet);
  const CorruptionTable table =
      corruption_accuracy(*target.trained.model, baseline.model.get(), images, names, severities, f.target.batch_size,
                          {.on_images = {}, .progress = [&](std::size_t done, std::size_t total) {
                             progress.update(static_cast<long>(done), static_cast<long>(total), "");
                           }});
  progress.finish();

  Json json = to_json(table, target.trained.info.train_tau);
  json["source"] = f.from.empty() ? "generated" : f.from;
  if (f.from.empty()) json["seed"] = common.seed;
  if (baseline.model) {
    json["baseline"] = f.baseline;
    json["baseline_train_tau"] = baseline.info.train_tau;
  }
  // Files in folders (Tiny-ImageNet-C) are not the photographs of the clean set, so there is no clean error to subtract.
  if (baseline.model && !(files && !files->is_paired())) {
    json["clean_accuracy"] = accuracy_of(*target.trained.model, clean, f.target.batch_size);
    json["baseline_clean_accuracy"] = accuracy_of(*baseline.model, clean, f.target.batch_size);
    const auto relative = table.relative_mce(json["clean_accuracy"], json["baseline_clean_accuracy"]);
    json["relative_mce"] = relative ? Json(*relative) : Json();
    json["relative_mce_left_out"] =
        table.left_out_of_relative_mce(json["clean_accuracy"], json["baseline_clean_accuracy"]);
  }
  std::vector<std::string> notes = target.notes;
  if (files) notes.insert(notes.end(), files->notes().begin(), files->notes().end());
  if (!files && std::find(names.begin(), names.end(), "frost") != names.end())
    notes.emplace_back("frost: generated textures stand for the published photographs");
  json["notes"] = notes;
  keep_and_print(common, table_text(table, json), json,
                 [&] { target.save("corrupt", settings_of(f, names, common), json); });
}

}  // namespace

void add_corrupt(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<CorruptFlags>();
  CLI::App* const c = add_command(
      app, common, "corrupt", "Accuracy under common corruptions, generated from the test set or from files",
      "  kelvin corrupt runs/tau50\n"
      "  kelvin corrupt runs/tau50 --corruptions gaussian_noise,jpeg_compression --severity all\n"
      "  kelvin corrupt runs/tau50 --severity all --baseline runs/tau1\n"
      "  kelvin corrupt runs/tau50 --severity all --from CIFAR-10-C\n"
      "  kelvin corrupt runs/tau50 --severity all --save corrupted/",
      [f, &common] { run(*f, common); });
  add_target_options(*c, f->target);
  add_fields(
      *c, basic(group("Corruptions",
                      {field("corruptions", f->corruptions,
                             "With commas: all (" + listed(corruption_names()) + "), extra (" +
                                 listed(extra_corruption_names()) + "; no part of the benchmark's mean), or names"),
                       field("severity", f->severity, "1 to 5, or all"),
                       field("from", f->from,
                             message("Evaluate on these files instead: the folder of CIFAR-10-C, CIFAR-100-C, "
                                     "Tiny-ImageNet-C or ImageNet-C, or of ",
                                     "save"_field)),
                       field("save", f->save, "Write the images there in the layout of CIFAR-10-C"),
                       field("baseline", f->baseline,
                             "A run to compare with on the same images: mCE, relative mCE, McNemar's test a row")})));
}

}  // namespace kelvin
