// kelvin data list | fetch | verify | show
#include <algorithm>

#include "apps/cli/as_flags.h"
#include "apps/cli/commands.h"
#include "apps/cli/notes.h"
#include "apps/cli/subcommand.h"
#include "apps/report/contact_sheet.h"
#include "apps/report/text_table.h"
#include "data/fetch.h"
#include "data/png_writer.h"
#include "data/verify.h"
#include "engine/atomic_file.h"

namespace kelvin {
namespace {

struct DataFlags {
  std::string name, path, data = "fashion-mnist", out;
  FetchOptions fetch;
  std::string folder = "data";
  std::int64_t image = 0;
};

void list(const CommonOptions& common) {
  TextTable table({"set", "what it is", "digest", "used as"});
  Json rows = Json::array();
  for (const DataSource& s : data_sources()) {
    const bool has_digest = !s.files.front().digest.empty();
    table.add({s.name, s.about, has_digest ? s.files.front().digest_kind : "none published", as_flags(s.use)});
    Json files = Json::array();
    for (const SourceFile& file : s.files)
      files.push_back(
          {{"url", s.home + file.name + s.suffix}, {"digest_kind", file.digest_kind}, {"digest", file.digest}});
    rows.push_back(
        {{"name", s.name}, {"about", s.about}, {"files", files}, {"folder", s.folder}, {"use", as_flags(s.use)}});
  }
  print_result(common,
               table.str() +
                   "Further: fashion-mnist (package dataset-fashion-mnist), synthetic (drawn), npy:DIR and folder:DIR "
                   "(your own).\n",
               {{"sets", rows}});
}

void fetch_set(const DataFlags& f, const CommonOptions& common) {
  FetchOptions options = f.fetch;
  options.folder = f.folder;
  options.is_quiet = common.quiet || common.json;
  const DataSource& source = find_data_source(f.name);
  const Fetched fetched = fetch(source, options);
  Json files = Json::array();
  std::string text;
  for (const FetchedFile& file : fetched.files) {
    files.push_back({{"name", file.name}, {"sha256", file.sha256}, {"checked", file.is_checked}});
    text += str(file.name, ": ", file.is_checked ? "as published" : "no published digest is known", ", sha256 ",
                file.sha256, "\n");
  }
  if (fetched.files.empty()) text = str(fetched.place.string(), " is there already\n");
  std::string use = as_flags(source.use);
  use.replace(use.find("FOLDER"), 6, fetched.place.string());
  print_result(common, text + "use it with " + use + "\n",
               {{"name", source.name}, {"folder", fetched.place.string()}, {"files", files}, {"use", use}});
}

void verify_path(const DataFlags& f, const CommonOptions& common) {
  const Verification v = verify(f.path);
  TextTable table({"part", "images", "size", "images of the rarest class", "of the most frequent"});
  Json parts = Json::array();
  for (const VerifiedPart& p : v.parts) {
    table.add({p.name, str(p.images), str(p.height, "x", p.width, "x", p.channels), str(p.least), str(p.most)});
    parts.push_back({{"name", p.name},
                     {"images", p.images},
                     {"height", p.height},
                     {"width", p.width},
                     {"channels", p.channels},
                     {"least", p.least},
                     {"most", p.most}});
  }
  std::string text = f.path + ": " + v.kind + "\n" + (v.parts.empty() ? "" : table.str());
  for (const std::string& problem : v.problems) text += "problem: " + problem + "\n";
  if (v.problems.empty()) text += "no problems found\n";
  print_result(common, text,
               {{"path", f.path}, {"kind", v.kind}, {"parts", parts}, {"notes", v.notes}, {"problems", v.problems}});
  if (!v.problems.empty())
    throw mistake(f.path, ": ", v.problems.size(), " problem(s), the first: ", v.problems.front());
}

void show(const DataFlags& f, const CommonOptions& common) {
  const bool is_page = f.out.ends_with(".html");
  if (!is_page && !f.out.ends_with(".png"))
    throw mistake("--out ", f.out, ": expected a name that ends in .png or .html");
  require_writable("--out", f.out);
  const Dataset data = load_dataset(f.data, {.train = Half::skip, .seed = common.seed});
  add_notes(data.notes);
  if (f.image >= data.test.count)
    throw mistake("--image ", f.image, ": ", f.data, " has test images 0 to ", data.test.count - 1);
  if (is_page) {
    const std::string label =
        data.class_names[static_cast<std::size_t>(data.test.labels[static_cast<std::size_t>(f.image)])];
    const std::string page =
        corruption_page(data.test, f.image, common.seed, str(data.name, ", test image ", f.image, ": ", label));
    write_file_atomically(f.out, std::as_bytes(std::span(page)));
  } else {
    const Sheet sheet = corruption_sheet(data.test, f.image, common.seed);
    write_png(f.out, sheet.pixels, sheet.height, sheet.width, 3);
  }
  print_result(common, "wrote " + f.out + "\n", {{"output", f.out}, {"data", f.data}, {"image", f.image}});
}

}  // namespace

void add_data(CLI::App& app, CommonOptions& common) {
  auto f = std::make_shared<DataFlags>();
  CLI::App* const parent = add_parent(app, "data", "Data sets: where they come from, fetch, verify, look at them",
                                      "  kelvin data list\n"
                                      "  kelvin data fetch cifar10 --out data\n"
                                      "  kelvin data verify data/cifar-10-batches-bin\n"
                                      "  kelvin data show --data cifar10:data --out corruptions.png");

  add_command(*parent, common, "list", "The sets that can be fetched", "  kelvin data list",
              [&common] { list(common); });

  CLI::App* c =
      add_command(*parent, common, "fetch", "Downloads a set from its public home, checks its digest, unpacks it",
                  "  kelvin data fetch cifar10\n  kelvin data fetch tiny-imagenet --out /big/data\n"
                  "  kelvin data fetch cifar10-c --url https://mirror.example.org/",
                  [f, &common] { fetch_set(*f, common); });
  add_word(*c, "NAME", f->name, "Set, see kelvin data list", true);
  add_fields(
      *c, basic(Fields{
              field("out", f->folder, "Folder that gets the set's folder"),
              field("url", f->fetch.home,
                    "Address to take the files from instead of the set's home; their names are appended"),
              field("keep-archive", f->fetch.keep_archive, "Keep the downloaded archive beside the unpacked folder")}));

  c = add_command(*parent, common, "verify",
                  "Reads everything that lies in a file or folder and says what is wrong with it",
                  "  kelvin data verify data/CIFAR-10-C\n  kelvin data verify cifar-10-binary.tar.gz",
                  [f, &common] { verify_path(*f, common); });
  add_word(*c, "PATH", f->path, "A set's folder, its archive, or a .npy", true);

  c = add_command(*parent, common, "show", "A test image under every corruption and severity, as a picture or a page",
                  "  kelvin data show --out corruptions.png\n  kelvin data show --data cifar10:data --image 7 --out "
                  "corruptions.html",
                  [f, &common] { show(*f, common); });
  add_fields(*c, basic(Fields{required(field("out", f->out, "FILE.png or FILE.html")),
                              field("data", f->data, "Data set, NAME or NAME:PATH"),
                              field("image", f->image, at_least(0), "Number of the test image")}));
}

}  // namespace kelvin
