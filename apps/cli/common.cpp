#include "apps/cli/common.h"

#include <omp.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <span>
#include <thread>

#include "apps/cli/notes.h"
#include "apps/cli/standard_streams.h"
#include "apps/report/terminal.h"
#include "apps/run/json_output.h"
#include "engine/atomic_file.h"
#include "engine/printable.h"
#include "kernels/device/listed.h"
#include "kernels/device/notes.h"
#include "kernels/device/threads.h"
#include "kernels/libraries/cuda_device.h"
#include "kernels/processes/processes.h"

namespace kelvin {

Fields common_fields(CommonOptions& o) {
  return group(
      "Options",
      {basic(field("device", o.device, {"cpu", "cuda", "auto"}, "cpu, cuda or auto (cuda where a GPU is usable)",
                   Resume::free)),
       basic(field("seed", o.seed, any(), "Seed of every random number")),
       basic(field("threads", o.threads, in(0, kMostThreads), "CPU threads; 0: one a core", Resume::free)),
       field("tf32", o.tf32, "CUDA: float32 products may use TensorFloat-32 (10-bit factors)", Resume::free),
       field("autotune", o.autotune, {"on", "off", "compile"},
             "CUDA: time several algorithms for each convolution and product, on or off (compile: as on)",
             Resume::free),
       field("fast-nondeterministic", o.fast, "CUDA: also use plans whose sums have no fixed order", Resume::free),
       field("hang-after", o.hang_after, above(0),
             "Parallel runs: seconds without an answer from a rank after which all end; five times that at first, "
             "longer while steps take long",
             Resume::unrecorded),
       basic(field("json", o.json, "Standard output is exactly one JSON object", Resume::unrecorded)),
       basic(field("quiet", o.quiet, "No progress", Resume::unrecorded))});
}

namespace {

Device only_of_this_rank(Device device) {
  const std::string mine = identity_of(*device.cuda);
  const std::vector<Bytes> all = processes().gather(std::as_bytes(std::span(mine)), "the choice of the device");
  if (const std::set<Bytes> gpus(all.begin(), all.end()); gpus.size() < all.size())
    throw mistake(all.size(), " ranks have ", gpus.size(), gpus.size() == 1 ? " GPU" : " GPUs",
                  " between them: start one rank a GPU");
  return device;
}

}  // namespace

int threads_of(const CommonOptions& common) {
  if (common.threads > 0) return common.threads;
  const int cores = omp_get_num_procs(), ranks = processes().local_size();
  const bool is_bound = cores != static_cast<int>(std::thread::hardware_concurrency());  // by the launcher
  return ranks == 1 || is_bound || std::getenv("OMP_NUM_THREADS") != nullptr ? omp_get_max_threads()
                                                                             : std::max(1, cores / ranks);
}

Device open_device(const CommonOptions& common) {
  Processes& all = processes();
  omp_set_num_threads(threads_of(common));
  cuda_settings() = {.allow_tf32 = common.tf32, .autotune = common.autotune != "off", .deterministic = !common.fast};
  if (common.autotune == "compile") note_once("--autotune compile does nothing any more: it is taken as --autotune on");
  if (common.device == "cpu") return {};
  CudaRefusal why;
  const Cuda* const cuda = open_cuda(why, {all.local_rank(), all.local_size()});
  if (common.device == "auto" && !all.is_true_on_all(cuda != nullptr, "the choice of the device") && cuda != nullptr)
    why = {.reason = "another rank has no GPU"};
  else if (cuda != nullptr)
    return only_of_this_rank({DeviceKind::cuda, cuda});
  if (common.device == "cuda") throw Error(why.code, str("--device cuda: ", why.reason, "; use --device cpu"));
  if (why.is_worth_saying) note_once("--device auto takes the CPU: " + why.reason);
  return {};
}

std::string device_name(const Device& device) {
  return device.kind == DeviceKind::cuda ? name_of(*device.cuda) : "the CPU";
}

void add_device_notes(nlohmann::json& json) {
  if (const std::vector<std::string> notes = notes_so_far(); !notes.empty()) json["device_notes"] = notes;
}

void require_writable(const std::string& flag, const std::string& path) {
  try {
    require_writable(path);
  } catch (const Error& e) {
    throw Error(e.code(), message(flag, " ", e.message()));
  }
}

void print_result(const CommonOptions& common, const std::string& text, const nlohmann::json& json) {
  say_notes();
  std::string out = common.json ? to_text(json) + "\n" : folded(text, terminal_columns());
  if (!common.json && json.contains("notes"))
    for (const auto& note : json["notes"])
      if (note.is_string()) out += "note: " + printable(note.get<std::string>()) + "\n";
  print(printable_lines(out));
}

void keep_and_print(const CommonOptions& common, const std::string& text, const nlohmann::json& json,
                    const std::function<void()>& keep) {
  try {
    keep();
  } catch (const Error&) {
    print_result(common, text, json);
    throw;
  }
  print_result(common, text, json);
}

std::string number(double value, int digits) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

std::string channels_text(const std::vector<float>& values) {
  return listed(values, [](float v) { return number(v); });
}

}  // namespace kelvin
