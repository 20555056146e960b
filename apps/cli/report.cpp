// kelvin report
#include "apps/report/report.h"

#include "apps/cli/commands.h"
#include "apps/cli/notes.h"
#include "apps/cli/subcommand.h"

namespace kelvin {
namespace {

struct ReportFlags {
  std::vector<std::string> runs;
  std::string out = "report.html", title = "Kelvin report";
};

void run(const ReportFlags& f, const CommonOptions& common) {
  require_writable("--out", f.out);
  const ReportContents contents = write_report(f.out, {f.runs.begin(), f.runs.end()}, {.title = f.title});
  add_notes(contents.notes);
  print_result(common, "Report: " + f.out + "\n", {{"report", f.out}, {"claims", to_json(contents.claims)}});
}

}  // namespace

void add_report(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<ReportFlags>();
  CLI::App* const c =
      add_command(app, common, "report", "One self-contained HTML file from run folders",
                  "  kelvin report runs/tau1 runs/tau50 --out report.html", [f, &common] { run(*f, common); });
  add_words(*c, "runs", f->runs, "Run folders");
  add_fields(*c,
             basic(Fields{field("out", f->out, "The file to write"), field("title", f->title, "Title of the page")}));
}

}  // namespace kelvin
