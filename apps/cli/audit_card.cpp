#include "apps/cli/audit_card.h"

#include <set>

#include "apps/card/write_card.h"
#include "apps/cli/standard_streams.h"
#include "apps/cli/version.h"
#include "apps/training/data_digest.h"
#include "engine/digest.h"
#include "engine/input_file.h"
#include "kernels/libraries/cuda_device.h"
#include "kernels/libraries/onednn_version.h"

namespace kelvin {
namespace {

// The file, and the shards where it is their index.
std::vector<CardFile> weight_files(const std::filesystem::path& path) {
  std::set<std::filesystem::path> files = {path};
  if (path.string().ends_with(".index.json"))
    for (const auto& [name, entry] : read_safetensors(path).tensors)
      if (const auto* const shard = dynamic_cast<const InputFile*>(entry.file.get())) files.insert(shard->path());
  std::vector<CardFile> out;
  for (const std::filesystem::path& file : files)
    out.push_back({file.string(), sha256_of(file), InputFile(file).size()});
  return out;
}

std::optional<double> share_of(const std::optional<double>& percent) {
  return percent ? std::optional(*percent / 100) : std::nullopt;
}

}  // namespace

Fields card_fields(CardFlags& f) {
  return {field("card", f.file,
                "The robustness card: FILE.html and FILE.json; default: in results/ of the run, else here, named after "
                "the weights"),
          field("reference", f.reference, in(0, 100), "Published robust accuracy in percent, to stand beside ours"),
          field("reference-clean", f.reference_clean, in(0, 100),
                "Published clean accuracy in percent; another one here is a sign of a wrong normalisation or model")};
}

std::filesystem::path card_place(const CardFlags& flags, const Target& target, const std::string& settings) {
  const std::string name = target.result_name("card", settings);
  std::filesystem::path place = flags.file;
  if (flags.file.empty() && !target.folder.path.empty()) return target.folder.result(name);
  if (flags.file.empty())
    place = file_name_text(target.origin.weights.stem().string()) + "-" + name;
  else if (place.extension() == ".html" || place.extension() == ".json")
    place.replace_extension();
  place += ".json";
  for (const std::filesystem::path& file : {place, page_of(place)}) require_writable("--card", file.string());
  return place;
}

Json audit_card(const CardFlags& flags, const Target& target, const AuditOptions& options, const Audit& audit,
                const CommonOptions& common) {
  const TrainedModel& trained = target.trained;
  const ModelSpec& spec = trained.info.model;
  const Parameters& parameters = trained.model->parameters();
  const Device device = parameters.values().device();
  const bool is_cuda = device.kind == DeviceKind::cuda;
  const CardSubject subject{.model = spec.name,
                            .model_from = target.origin.model,
                            .parameters = parameters.count(),
                            .classes = spec.classes,
                            .weights = weight_files(target.origin.weights),
                            .is_average = target.origin.is_average,
                            .mean = spec.mean,
                            .std = spec.std,
                            .normalisation_from = target.origin.normalisation,
                            .data = trained.info.data,
                            .is_whole_half = target.origin.is_whole_half,
                            .images_sha256 = digest_of_images(target.data.test),
                            .class_names = target.classes->output_names(),
                            .version = program_version(),
                            .commit = program_commit(),
                            .device = is_cuda ? describe_cuda(*device.cuda) : device_name(device),
                            .onednn = is_cuda ? "" : onednn_version(),
                            .precision = name_of(spec.precision),
                            .tf32 = is_cuda && common.tf32,
                            .notes = target.notes};
  return card_json(subject, options, audit, {share_of(flags.reference), share_of(flags.reference_clean)});
}

void save_card(const Target& target, const std::filesystem::path& place, const Json& card) {
  if (!target.folder.path.empty() && place.parent_path() == target.folder.path / "results")
    for (const std::filesystem::path& file : {place, page_of(place)}) target.folder.prepare_result(file.filename());
  write_card(place, card);
  if (!target.quiet) print_note("Saved: " + page_of(place).string() + " and " + place.filename().string());
}

}  // namespace kelvin
