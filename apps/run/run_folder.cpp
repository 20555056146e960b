#include "apps/run/run_folder.h"

#include "engine/atomic_file.h"
#include "engine/checkpoint.h"
#include "kernels/elementwise.h"

namespace kelvin {
namespace {

constexpr const char* kMetadataKey = "kelvin";

}  // namespace

void RunFolder::create() const {
  std::error_code error;
  std::filesystem::create_directories(path / "results", error);
  if (error) throw mistake(path.string(), ": cannot make the run folder: ", error.message(), "; choose another --out");
}

void RunFolder::write_result(const std::string& name, const Json& json) const {
  std::error_code error;
  std::filesystem::create_directories(path / "results", error);
  if (error) throw mistake((path / "results").string(), ": cannot be made: ", error.message());
  const std::string text = json.dump(2) + "\n";
  write_file_atomically(result(name), std::as_bytes(std::span(text)));
}

Json to_json(const RunInfo& info) {
  const ModelSpec& m = info.model;
  return {{"model", m.name},
          {"classes", m.classes},
          {"channels", m.channels},
          {"height", m.height},
          {"width", m.width},
          {"mean", m.mean},
          {"std", m.std},
          {"precision", name_of(m.precision)},
          {"stem", m.stem},
          {"image_size", m.image_size},
          {"dropout", m.dropout},
          {"drop_path", m.drop_path},
          {"checkpoint_activations", m.checkpoint_activations},
          {"data", info.data},
          {"train_tau", info.train_tau},
          {"head_scale", info.head_scale},
          {"seed", info.seed},
          {"class_names", info.class_names}};
}

RunInfo run_info_from(const SafetensorsFile& checkpoint) {
  const auto found = checkpoint.metadata.find(kMetadataKey);
  if (found == checkpoint.metadata.end())
    throw mistake(checkpoint.path.string(),
                  ": holds weights but not how they were trained; pass --weights with --model");
  try {
    const Json j = Json::parse(found->second);
    RunInfo info;
    info.model = {.name = j.at("model"),
                  .classes = j.at("classes"),
                  .channels = j.at("channels"),
                  .height = j.at("height"),
                  .width = j.at("width"),
                  .mean = j.at("mean"),
                  .std = j.at("std"),
                  .precision = j.at("precision") == name_of(DType::bf16) ? DType::bf16 : DType::f32,
                  .stem = j.value("stem", "auto"),
                  .image_size = j.value("image_size", 0),
                  .dropout = j.value("dropout", 0.0f),
                  .drop_path = j.value("drop_path", 0.0f),
                  .checkpoint_activations = j.value("checkpoint_activations", false)};
    info.data = j.at("data");
    info.train_tau = j.at("train_tau");
    info.head_scale = j.at("head_scale");
    info.seed = j.at("seed");
    info.class_names = j.at("class_names");
    return info;
  } catch (const Json::exception& e) {
    throw mistake(checkpoint.path.string(), ": damaged metadata: ", e.what());
  }
}

SafetensorsFile open_checkpoint(const RunFolder& run, Which which) {
  if (!std::filesystem::exists(run.path)) throw mistake(run.path.string(), ": no such run folder");
  if (!std::filesystem::exists(run.checkpoint()))
    throw mistake(run.path.string(),
                  ": holds no checkpoint.safetensors; is it a folder that `kelvin train --out` wrote?");
  if (which == Which::last) return read_safetensors(run.checkpoint());
  if (!std::filesystem::exists(run.best()))
    throw mistake(run.path.string(), ": holds no best.safetensors; it was trained without --validation N, or with ",
                  "--select-by none; use --checkpoint last");
  return read_safetensors(run.best());
}

TrainedModel build_trained_model(const SafetensorsFile& file, const RunInfo& info, Device device) {
  TrainedModel trained{make_model(info.model, device, info.seed), info};
  load_parameters(file, trained.model->parameters());
  for (const Parameter* head : {&trained.model->prototypes(), &trained.model->prototype_bias()})
    on(device, [&](const auto& dev) { scale(dev, head->value.view<float>(), static_cast<float>(info.head_scale)); });
  return trained;
}

}  // namespace kelvin
