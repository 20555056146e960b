#include "tests/structure/architecture.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxLines = 300, kMaxLinesOfTests = 400;  // and of tools

// The top-level folders that a top-level folder may include.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"kernels", {"kernels"}},
    {"engine", {"kernels", "engine"}},
    {"models", {"kernels", "engine", "models"}},
    {"data", {"kernels", "engine", "data"}},
    {"apps", {"kernels", "engine", "models", "data", "apps"}},
    {"tests", {"kernels", "engine", "models", "data", "apps", "tests"}},
};

// Which folders a folder of kernels/ or apps/ may include, in the order in which they are read; every one may include itself.
const std::vector<std::pair<std::string, std::vector<std::string>>> kFolderMayInclude = {
    {"kernels/device", {}},
    {"kernels/simt", {"kernels/device"}},
    {"kernels/libraries", {"kernels/device"}},
    {"kernels/processes", {"kernels/device", "kernels/libraries"}},
    {"kernels/losses", {"kernels/device", "kernels/simt"}},
    {"kernels/attacks", {"kernels/device", "kernels/simt"}},
    {"kernels/layers", {"kernels/device", "kernels/simt"}},
    {"kernels/arrays", {"kernels/device", "kernels/simt"}},
    {"kernels/optimizers", {"kernels/device", "kernels/simt", "kernels/arrays"}},
    {"kernels/products", {"kernels/device", "kernels/simt", "kernels/libraries", "kernels/arrays", "kernels/layers"}},
    {"kernels/attention",
     {"kernels/device", "kernels/simt", "kernels/libraries", "kernels/arrays", "kernels/products"}},
    {"kernels/convolution",
     {"kernels/device", "kernels/simt", "kernels/libraries", "kernels/arrays", "kernels/products", "kernels/layers"}},
    {"apps/run", {}},
    {"apps/evaluation", {"apps/run"}},
    {"apps/attacks", {"apps/run", "apps/evaluation"}},
    {"apps/tensorboard", {}},
    {"apps/training", {"apps/run", "apps/evaluation", "apps/attacks", "apps/tensorboard"}},
    {"apps/analysis", {"apps/run", "apps/evaluation", "apps/attacks"}},
    {"apps/report", {"apps/run", "apps/evaluation", "apps/attacks", "apps/training", "apps/analysis"}},
    {"apps/course", {"apps/report"}},
    {"apps/explorer", {"apps/run", "apps/evaluation", "apps/attacks", "apps/report"}},
    {"apps/card", {"apps/run", "apps/evaluation", "apps/attacks", "apps/analysis", "apps/report"}},
    {"apps/experiment",
     {"apps/run", "apps/evaluation", "apps/attacks", "apps/training", "apps/analysis", "apps/report"}},
    {"apps/sweep",
     {"apps/run", "apps/evaluation", "apps/attacks", "apps/training", "apps/analysis", "apps/report", "apps/experiment",
      "apps/tensorboard"}},
    {"apps/bench", {"apps/run", "apps/evaluation", "apps/attacks"}},
    {"apps/lessons", {}},
    {"apps/cli",
     {"apps/run", "apps/evaluation", "apps/attacks", "apps/training", "apps/analysis", "apps/report", "apps/explorer",
      "apps/card", "apps/experiment", "apps/sweep", "apps/bench", "apps/course"}},
};

// "kernels/losses" of "kernels/losses/mart_loss.h"; empty for a file that lies in no such folder.
std::string folder_of(const std::string& path) {
  const std::size_t second = path.find('/', path.find('/') + 1);
  const std::string top = path.substr(0, path.find('/'));
  return second != std::string::npos && (top == "kernels" || top == "apps") ? path.substr(0, second) : "";
}

const std::vector<std::string>* allowed_folders(const std::string& folder) {
  for (const auto& [name, allowed] : kFolderMayInclude)
    if (name == folder) return &allowed;
  return nullptr;
}

const std::set<std::string> kCode = {".h", ".cpp", ".cu", ".cuh"};
const std::set<std::string> kOtherSource = {".sh", ".py", ".js", ".css", ".html"};

const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
const std::regex kConditional(R"(^\s*#\s*(if|ifdef|ifndef|elif)\b)");
const std::regex kPragmaOnce(R"(^\s*#\s*pragma\s+once\b)");
// First part of the header's path: cuda_runtime.h, cudnn_frontend.h, cub/cub.cuh, oneapi/dnnl/dnnl.hpp, ...
const std::regex kDeviceLibrary(
    R"(^(cuda|cudnn|cublas|curand|cufft|cusparse|cusolver|nccl|nvml|nvtx|nvToolsExt|nvrtc|cub/|thrust/|cooperative_groups|)"
    R"(mma\.h|driver_types|vector_types|device_launch_parameters|dnnl|mkldnn|oneapi/dnnl).*)");

const std::regex kCudaTag(R"(\(\*[A-Za-z_.]*cuda_?[,)])");  // f(*cuda, ...)

// Tests that a build without CUDA has, too; not those of this rule.
bool needs_no_cuda(const std::string& path) {
  return path.starts_with("tests/") && !path.starts_with("tests/cuda_emulation/") &&
         !path.starts_with("tests/structure/") && !path.ends_with("_cuda_test.cpp");
}

// What starts a program, and the names of shells.
const std::regex kStartsProgram(
    R"(\b(popen|system|wordexp|v?fork|posix_spawnp?|exec(l|le|lp|v|ve|vp|vpe)|fexecve)\s*\(|)"
    R"("(/bin/|/usr/bin/)?(ba|da|z|k)?sh")");

// Only one file starts other programs, and no shell; the program itself starts anew where it sets how threads wait.
bool may_start_programs(const std::string& path) {
  return path.starts_with("tests/") || path == "engine/child_process.cpp" || path == "apps/cli/waiting_threads.cpp";
}

// What opens a file.
const std::regex kOpensFile(R"(\b[io]?fstream\b|\bf(re)?open\s*\(|\bopen(at)?\s*\(.*\bO_[A-Z])");

// Files are read through engine/input_file.h and written through engine/atomic_file.h. Others open what is neither: locks, logs and
// metrics that grow, /dev/null, files of the kernel.
bool may_open_files(const std::string& path) {
  static const std::set<std::string> files = {
      "apps/cli/standard_streams.cpp",     "apps/run/run_lock.cpp",     "apps/sweep/workers.cpp",
      "apps/tensorboard/event_file.cpp",   "apps/training/metrics.cpp", "engine/atomic_file.cpp",
      "engine/child_process.cpp",          "engine/download.cpp",       "engine/input_file.cpp",
      "engine/output_place.cpp",           "engine/temporary_file.cpp", "kernels/device/headroom.cpp",
      "kernels/device/nvidia_hardware.cpp"};
  return path.starts_with("tests/") || files.contains(path);
}

// A string that names a flag.
const std::regex kNamesAFlag(R"("[^"]*--[a-z])");

// Only the command line knows flags; others name fields ("batch-size"_field). Two files give flags to curl and tar.
bool may_name_flags(const std::string& path) {
  return path.starts_with("tests/") || path.starts_with("apps/cli/") || path == "data/archive.cpp" ||
         path == "engine/download.cpp";
}

// `on(device, f)`, the versions of oneDNN, and the sanitizers that watch the emulated device.
bool conditionals_allowed(const std::string& path) {
  return path == "kernels/device/device.h" || path.starts_with("kernels/libraries/onednn/") ||
         path == "tests/cuda_emulation/fiber.cpp";
}

// The kernels, and the stand-ins for CUDA's headers.
bool device_libraries_allowed(const std::string& path) {
  return path.starts_with("kernels/") || path.starts_with("tests/cuda_emulation/");
}

// NCCL is one wrapper's matter, MPI one plugin's: programs without them build and start everywhere.
bool header_allowed(const std::string& path, const std::string& header) {
  if (header == "nccl.h")
    return path.starts_with("kernels/libraries/nccl/") || path.starts_with("tests/cuda_emulation/");
  return header != "mpi.h" || path == "kernels/processes/mpi_plugin.cpp";
}

class Checker {
 public:
  explicit Checker(fs::path root) : root_(std::move(root)) {}

  std::vector<std::string> run() {
    int found = 0;
    for (const auto& [top_level, allowed] : kMayInclude) found += check_top_level(top_level, &allowed);
    check_top_level("tools", nullptr);
    if (found == 0) throw std::runtime_error("no folder (kernels, engine, ...) under " + root_.string());
    folders_.insert("");
    for (const std::string& folder : folders_) {
      if (!fs::exists(root_ / folder / "README.md")) report(folder.empty() ? "." : folder, 0, "has no README.md");
    }
    std::sort(found_.begin(), found_.end());
    return std::move(found_);
  }

 private:
  // 1 if the top-level folder exists. Without `allowed` only the length of files and the folders are checked.
  int check_top_level(const std::string& top_level, const std::set<std::string>* allowed) {
    if (!fs::is_directory(root_ / top_level)) return 0;
    for (const auto& entry : fs::recursive_directory_iterator(root_ / top_level)) {
      const std::string extension = entry.path().extension().string();
      if (!entry.is_regular_file() || !(kCode.contains(extension) || kOtherSource.contains(extension))) continue;
      const std::string path = fs::relative(entry.path(), root_).generic_string();
      if (const std::string folder = folder_of(path); !folder.empty() && allowed_folders(folder) == nullptr)
        report(path, 0, "lies in " + folder + ", which has no place in the order of folders");
      add_folders_of(path);
      check_file(path, kCode.contains(extension) ? allowed : nullptr);
    }
    return 1;
  }

  // tests/ mirrors the other folders, so one README there is enough for its subfolders.
  void add_folders_of(const std::string& path) {
    const bool in_tests = path.starts_with("tests/");
    for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      folders_.insert(path.substr(0, slash));
      if (in_tests) break;
    }
  }

  void check_file(const std::string& path, const std::set<std::string>* allowed) {
    std::ifstream in(root_ / path);
    int number = 0;
    bool once = false;
    for (std::string line; std::getline(in, line);) {
      ++number;
      if (needs_no_cuda(path) && std::regex_search(line, kCudaTag))
        report(path, number, "calls what builds without CUDA do not have: on(device, f), or a file *_cuda_test.cpp");
      if (allowed == nullptr) continue;
      if (!may_start_programs(path) && std::regex_search(line.substr(0, line.find("//")), kStartsProgram))
        report(path, number, "starts a program or a shell: ChildProcess of engine/child_process.h takes arguments");
      if (!may_open_files(path) && std::regex_search(line.substr(0, line.find("//")), kOpensFile))
        report(path, number, "opens a file: engine/input_file.h reads one, engine/atomic_file.h writes one");
      if (!may_name_flags(path) && std::regex_search(line.substr(0, line.find("//")), kNamesAFlag))
        report(path, number, "names a flag: a library names the field, as in \"batch-size\"_field");
      std::smatch match;
      if (std::regex_search(line, match, kInclude)) check_include(path, number, match[1] == "\"", match[2], *allowed);
      if (std::regex_search(line, kConditional) && !conditionals_allowed(path)) report(path, number, "has an #if");
      once = once || std::regex_search(line, kPragmaOnce);
    }
    if (allowed != nullptr && path.ends_with(".h") && !once) report(path, 1, "has no #pragma once");
    const int most = path.starts_with("tests/") || path.starts_with("tools/") ? kMaxLinesOfTests : kMaxLines;
    if (number > most) report(path, number, str("is longer than ", most, " lines"));
  }

  void check_include(const std::string& path, int line, bool quoted, const std::string& header,
                     const std::set<std::string>& allowed) {
    const std::string top_level = header.substr(0, header.find('/'));
    if (!device_libraries_allowed(path) && std::regex_match(header, kDeviceLibrary)) {
      report(path, line, "includes " + header + ": device libraries stay inside kernels/");
    } else if (!header_allowed(path, header)) {
      report(path, line, "includes " + header + ": one wrapper in kernels/ does that");
    } else if (kMayInclude.contains(top_level)) {
      if (!allowed.contains(top_level) || !is_folder_allowed(folder_of(path), folder_of(header)))
        report(path, line, "includes " + header + ": the arrow points the other way");
    } else if (quoted) {
      report(path, line,
             "includes \"" + header + "\": paths start at the repository root, other people's headers take <>");
    }
  }

  // Only between folders of one top-level folder; top-level folders have their own order.
  static bool is_folder_allowed(const std::string& from, const std::string& to) {
    const std::vector<std::string>* const allowed = allowed_folders(from);
    const bool is_same_top_level = from.substr(0, from.find('/')) == to.substr(0, to.find('/'));
    return from == to || allowed == nullptr || allowed_folders(to) == nullptr || !is_same_top_level ||
           std::find(allowed->begin(), allowed->end(), to) != allowed->end();
  }

  void report(const std::string& path, int line, const std::string& what) {
    found_.push_back(line > 0 ? str(path, ":", line, ": ", what) : str(path, ": ", what));
  }

  fs::path root_;
  std::set<std::string> folders_;
  std::vector<std::string> found_;
};

}  // namespace

std::string architecture_map() {
  std::ostringstream text;
  for (const auto& [folder, allowed] : kFolderMayInclude) {
    text << folder << " ->";
    for (const std::string& name : allowed) text << " " << name.substr(name.find('/') + 1);
    text << (allowed.empty() ? " nothing\n" : "\n");
  }
  return text.str();
}

std::vector<std::string> architecture_violations(const std::filesystem::path& root) { return Checker(root).run(); }

}  // namespace kelvin
