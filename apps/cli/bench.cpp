// kelvin bench
#include "apps/bench/bench.h"

#include "apps/bench/data_cases.h"
#include "apps/cli/commands.h"
#include "apps/cli/subcommand.h"
#include "apps/report/text_table.h"
#include "apps/run/precisions.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

struct BenchFlags {
  BenchOptions options;
  std::string cases = "train-resnet20,train-resnet18,pgd20-resnet20", data;
};

std::string share(double s) { return s < 0 ? "-" : percent(s); }

// The lines with at least a hundredth of the time.
std::string profile_table(const BenchRow& row) {
  double total = 0, rest = 0;
  for (const BenchProfileLine& l : row.profile) total += l.milliseconds;
  TextTable table({"ms a step", "share", "calls", "in " + row.name + ", launched one by one"});
  for (const BenchProfileLine& l : row.profile)
    if (l.milliseconds < total / 100)
      rest += l.milliseconds;
    else
      table.add(
          {number(l.milliseconds, 3), percent(l.milliseconds / total), l.calls > 0 ? number(l.calls, 3) : "", l.name});
  if (rest > 0) table.add({number(rest, 3), percent(rest / total), "", "everything else"});
  return table.str();
}

void run(BenchFlags& f, const CommonOptions& common) {
  const Device device = open_device(common);
  Json rows = Json::array();
  TextTable table(
      {"case", "precision", "batch", "img/s", "in convolutions", "repacking filters", "tensors MB", "peak RSS MB"});
  std::string profiles;
  for (const std::string& name : parts_of(f.cases, ',')) {
    const BenchRow row =
        is_data_case(name) ? run_data_bench(name, f.options, f.data) : run_bench(name, f.options, device);
    rows.push_back({{"case", row.name},
                    {"device", name_of(device.kind)},
                    {"precision", name_in(precisions(), f.options.precision)},
                    {"batch", f.options.batch_size},
                    {"img_per_s", row.img_per_s},
                    {"pool_peak_mb", row.pool_peak_mb},
                    {"peak_rss_mb", row.peak_rss_mb}});
    if (row.img_per_cpu_s > 0) rows.back()["img_per_cpu_s"] = row.img_per_cpu_s;
    if (row.conv_share >= 0) rows.back().update({{"conv_share", row.conv_share}, {"repack_share", row.repack_share}});
    if (f.options.profile) {
      rows.back()["profile"] = Json::array();
      for (const BenchProfileLine& l : row.profile)
        rows.back()["profile"].push_back({{"name", l.name}, {"ms", l.milliseconds}, {"calls", l.calls}});
      profiles += "\n" + profile_table(row);
    }
    table.add({row.name, name_in(precisions(), f.options.precision), str(f.options.batch_size),
               number(row.img_per_s, 4), share(row.conv_share), share(row.repack_share), number(row.pool_peak_mb, 4),
               number(row.peak_rss_mb, 4)});
  }
  Json json = {{"rows", rows}};
  add_device_notes(json);
  print_result(common, table.str() + profiles, json);
}

}  // namespace

void add_bench(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<BenchFlags>();
  CLI::App* const c =
      add_command(app, common, "bench", "Throughput of training, inference and attack steps",
                  "  kelvin bench\n  kelvin bench --cases train-resnet18,infer-resnet18 --precision bf16\n"
                  "  kelvin bench --cases pgd20-resnet20 --seconds 20 --json",
                  [f, &common] { run(*f, common); });
  BenchOptions& o = f->options;
  add_fields(
      *c,
      basic(Fields{
          field("cases", f->cases,
                "With commas: train-MODEL, infer-MODEL, pgdSTEPS-MODEL; load (batches of the loader), corrupt-NAME, "
                "corrupt-all"),
          field("precision", o.precision, precisions(), "f32 or bf16"),
          also(field("batch", o.batch_size, at_least(1), "Images at a time"), "batch-size"),
          field("data", f->data, "Images of load and corrupt cases, NAME or NAME:PATH; default: smooth random ones"),
          field("size", o.size, in(1, kMostPixels), "Image side"), field("channels", o.channels, in(1, 3), "1 or 3"),
          field("seconds", o.seconds, above(0), "Time a case"),
          field("profile", o.profile, "Also where a step's time goes, by kernel and library call")}));
}

}  // namespace kelvin
