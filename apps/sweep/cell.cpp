#include "apps/sweep/cell.h"

#include <cstdlib>

#include "apps/run/class_order.h"
#include "apps/run/run_lock.h"
#include "engine/atomic_file.h"
#include "engine/input_file.h"
#include "engine/printable.h"

namespace kelvin {
namespace {

std::filesystem::path request_path(const RunFolder& folder) { return folder.path / "cell.json"; }

// Empty if there is no readable request.
Json kept_request(const RunFolder& folder) {
  const std::filesystem::path path = request_path(folder);
  if (!is_there(path)) return {};
  try {
    Json json = read_json(path);
    return json.is_object() ? json : Json();
  } catch (const Error&) {
    return {};
  }
}

void require_nothing_else(const RunFolder& folder) {
  const std::string stranger = folder.stranger({"cell.json", "log.txt"});
  if (!stranger.empty())
    throw mistake(printable(folder.path.string()), ": ", "overwrite"_field, " would remove ", printable(stranger),
                  ", which belongs to no cell; move it, or choose another ", "out"_field);
}

// The images that the training of the cell held out, in the place of the test half.
Dataset held_out_images(const RunFolder& folder, const CellRequest& request, const RunInfo& info) {
  std::int64_t count = 0;
  for (const std::string& argument : request.train)
    if (argument.find('=') != std::string::npos)
      if (const Flag flag = parse_flag(argument); flag.name == "validation") count = std::atol(flag.value.c_str());
  if (count <= 0 || info.trained_images <= count)
    throw mistake(printable(folder.path.string()), ": its training held out no images; add ", "validation"_field, " N");
  Dataset data = load_dataset(
      info.data, {.test = Half::skip, .train_limit = info.trained_images, .validation = count, .seed = info.seed});
  data.test = std::move(data.validation);
  return data;
}

}  // namespace

CellRequest request_of(const Cell& cell, const MeasureRequest& measure) {
  return {arguments_of(cell.flags), measure, cell.logit_scales};
}

Json to_json(const CellRequest& r) {
  Json train = Json::array();  // a value may be a path: any bytes
  for (const std::string& argument : r.train) train.push_back(escape_bytes(argument));
  return {{"train", train}, {"measure", to_json(r.measure)}, {"logit_scales", r.logit_scales}};
}

CellState state_of(const RunFolder& folder, const CellRequest& request) {
  const Json kept = kept_request(folder);
  if (kept.is_null()) return folder.taken_by().empty() ? CellState::absent : CellState::foreign;
  const Json wanted = to_json(request);
  if (kept.value("train", Json()) != wanted.at("train")) return CellState::other;
  if (is_there(folder.result("error"))) return CellState::failed;
  return read_result(folder, "done") == wanted ? CellState::finished : CellState::absent;
}

void require_own(const RunFolder& folder, CellState state, bool overwrite) {
  const std::string name = printable(folder.path.string());
  if (state == CellState::other && !overwrite)
    throw mistake(name, ": holds a run with other training flags; choose another ", "out"_field, ", or ",
                  "overwrite"_field);
  if (state == CellState::foreign)
    throw mistake(name, ": holds ", printable(folder.taken_by()),
                  " and is no cell of a sweep (cell.json is absent or damaged); choose another ", "out"_field);
  if (state == CellState::other) require_nothing_else(folder);
}

void prepare(const RunFolder& folder, const CellRequest& request) {
  require_own(folder, state_of(folder, request), /*overwrite=*/false);
  folder.create();
  std::error_code ignored;
  std::filesystem::remove(folder.result("error"), ignored);
  std::filesystem::remove(folder.result("done"), ignored);
  const std::string text = to_json(request).dump(2) + "\n";
  write_file_atomically(request_path(folder), std::as_bytes(std::span(text)));
}

void remove_cells(const std::vector<RunFolder>& folders) {
  std::vector<FileLock> locks;
  for (const RunFolder& folder : folders) {
    locks.push_back(lock_run(folder.path));
    require_nothing_else(folder);
  }
  for (const RunFolder& folder : folders) {
    std::error_code error;
    std::filesystem::remove_all(folder.path, error);
    if (error) throw mistake(printable(folder.path.string()), ": cannot be removed: ", error.message());
  }
}

CellRequest read_request(const RunFolder& folder) {
  try {
    const Json json = read_json(request_path(folder));
    const JsonFields f(request_path(folder), json);
    std::vector<std::string> train = f.texts("train");
    for (std::string& argument : train) argument = unescape_bytes(argument);
    return {std::move(train), measure_request_from(f.object("measure")), f.numbers("logit_scales")};
  } catch (const Error& e) {
    throw mistake(printable(request_path(folder).string()), ": is damaged (", e.message(),
                  "); delete the folder and run the sweep again");
  }
}

TrainingState training_state(const RunFolder& folder) {
  const Json report = read_result(folder, "train");
  const Json diverged = report.is_object() ? report.value("diverged", Json()) : Json();
  if (diverged.is_boolean()) return diverged == true ? TrainingState::diverged : TrainingState::done;
  return is_there(folder.checkpoint()) ? TrainingState::half_done : TrainingState::absent;
}

void measure_cell(const RunFolder& folder, const CellRequest& request, Device device, const StageProgress& progress) {
  if (training_state(folder) != TrainingState::diverged) {
    const SafetensorsFile file = open_checkpoint(folder, request.measure.checkpoint);
    RunInfo info = run_info_from(file);
    info.model.precision = request.measure.precision.value_or(info.model.precision);
    require_precision(info.model.precision, device);
    const TrainedModel trained = build_trained_model(file, info, device);
    Dataset data =
        request.measure.held_out
            ? held_out_images(folder, request, trained.info)
            : load_dataset(trained.info.data,
                           {.train = Half::skip, .test_limit = request.measure.test_limit, .seed = trained.info.seed});
    const ClassOrder classes(trained.info, folder.path.string(), data, trained.info.data);
    classes.apply(data.test);
    data.class_names = classes.output_names();
    measure(*trained.model, trained.info.train_tau, measurements_of(request.measure, request.logit_scales), data,
            folder, progress);
  }
  folder.write_result("done", to_json(request));
}

}  // namespace kelvin
