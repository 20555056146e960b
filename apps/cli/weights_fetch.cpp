// kelvin weights fetch
#include "apps/cli/as_flags.h"
#include "apps/cli/commands.h"
#include "apps/cli/subcommand.h"
#include "apps/report/text_table.h"
#include "engine/printable.h"
#include "models/fetch_weights.h"

namespace kelvin {
namespace {

using Check = FetchedWeights::Check;

struct WeightsFetchFlags {
  std::string name, folder = "weights";
  WeightFetchOptions options;
};

void list(const CommonOptions& common) {
  TextTable table({"name", "what it is", "digest"});
  Json rows = Json::array();
  for (const WeightSource& s : weight_sources()) {
    table.add({s.name, s.about, s.digest.empty() ? "said by its home" : "in the file's name"});
    rows.push_back(
        {{"name", s.name}, {"about", s.about}, {"model", s.model}, {"url", s.home + s.path}, {"file", s.file}});
  }
  print_result(common, table.str(), {{"weights", rows}});
}

// A first fine-tuning: of a vision transformer as models/FINE_TUNING.md has it, of a ResNet with SGD.
std::string next_command(const WeightSource& source, const std::string& file) {
  const bool is_vit = source.model.starts_with("vit");
  return "kelvin train --data cifar10:data/cifar-10-batches-bin --model " + source.model + " --image-size 224 --init " +
         printable(file) + (is_vit ? " --head-init zeros --optimizer adam --lr 1e-4" : " --lr 0.01") +
         " --tau 50 --augment standard --out runs/" + source.name;
}

void run(const WeightsFetchFlags& f, const CommonOptions& common) {
  if (f.name.empty()) return list(common);
  WeightFetchOptions options = f.options;
  options.folder = f.folder;
  options.is_quiet = common.quiet || common.json;
  const WeightSource& source = find_weight_source(f.name);
  const FetchedWeights fetched = fetch_weights(source, options);
  const std::string file = fetched.file.string(), next = next_command(source, file);
  std::string check = "no published digest is known";
  if (fetched.check == Check::name) check = "as the digest in its name";
  if (fetched.check == Check::home) check = "as the digest that its home states";
  const std::string text = str(printable(file), fetched.was_there ? " is there already" : "", ": ", check, ", sha256 ",
                               fetched.sha256, "\nfine-tune it with ", next, "\n");
  print_result(common, text,
               {{"name", source.name},
                {"model", source.model},
                {"file", file},
                {"sha256", fetched.sha256},
                {"checked", fetched.check != Check::none},
                {"was_there", fetched.was_there},
                {"next", next}});
}

}  // namespace

void add_weights_fetch(CLI::App& parent, CommonOptions& common) {
  auto f = std::make_shared<WeightsFetchFlags>();
  CLI::App* const c =
      add_command(parent, common, "fetch", "Downloads weights of torchvision or timm; without a NAME lists them",
                  "  kelvin weights fetch\n"
                  "  kelvin weights fetch vit_small_patch16_224.augreg_in21k --out weights\n"
                  "  kelvin weights fetch resnet50 --url https://mirror.example.org/",
                  [f, &common] { run(*f, common); });
  add_word(*c, "NAME", f->name, "Weights, see kelvin weights fetch", false);
  add_fields(*c, basic(Fields{field("out", f->folder, "Folder that gets the file"),
                              also(field("url", f->options.home,
                                         "Address of another home or a mirror; the path of the file is appended"),
                                   "from")}));
}

}  // namespace kelvin
