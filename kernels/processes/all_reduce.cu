#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <thread>
#include <utility>

#include "kernels/device/cuda.h"
#include "kernels/device/host_wait.h"
#include "kernels/libraries/nccl/communicator.h"
#include "kernels/processes/all_reduce.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kAbortGrace = std::chrono::seconds(3);  // NCCL's own end can hang
constexpr auto kErrorGrace = std::chrono::seconds(3);  // in which a rank that has failed says so itself
constexpr auto kErrorInterval = std::chrono::milliseconds(100);

const nccl::Communicator* gpus = nullptr;  // of all ranks

// Runs `work` on a thread of its own that has this thread's GPU. It is never waited for by the runtime: it may hang.
struct Aside {
  std::atomic<bool> is_done = false;
  std::exception_ptr failure;

  template <class Work>
  static std::shared_ptr<Aside> run(Work work) {
    auto aside = std::make_shared<Aside>();
    int device = 0;
    KELVIN_CHECK_CUDA(cudaGetDevice(&device));
    std::thread([aside, device, work] {
      try {
        KELVIN_CHECK_CUDA(cudaSetDevice(device));
        work();
      } catch (...) {
        aside->failure = std::current_exception();
      }
      aside->is_done = true;
    }).detach();
    return aside;
  }
};

void end_what_runs() {
  static bool is_ended = false;
  if (std::exchange(is_ended, true)) return;
  const auto ending = Aside::run([] { gpus->abort(); });
  for (const auto since = Clock::now(); !ending->is_done;) {
    if (Clock::now() - since > kAbortGrace) {
      device_is_lost() = true;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

// How the host waits for its GPU, which may wait for others.
void wait_and_watch(const std::function<bool()>& is_done) {
  Clock::time_point looked = Clock::now(), failed{};
  processes().wait_for(
      [&] {
        if (is_done()) return true;
        const Clock::time_point now = Clock::now();
        if (now - looked < kErrorInterval) return false;
        looked = now;
        const std::string error = gpus->error();
        if (!error.empty() && failed == Clock::time_point{}) failed = now;
        if (!error.empty() && now - failed > kErrorGrace) {
          end_what_runs();
          throw internal_error("NCCL, a sum over the ranks: ", error);
        }
        return false;
      },
      "a step on the GPU");
}

}  // namespace

void open_all_reduce(const Cuda&) {
  Processes& all = processes();
  if (!all.are_many() || gpus != nullptr) return;
  nccl::open();
  const std::vector<std::byte> mine = all.is_first() ? nccl::make_id() : std::vector<std::byte>();
  const Bytes id = all.gather(mine, "the start of NCCL").front();
  const auto joined = std::make_shared<std::unique_ptr<nccl::Communicator>>();
  const auto joining = Aside::run(
      [=, rank = all.rank(), size = all.size()] { *joined = std::make_unique<nccl::Communicator>(id, rank, size); });
  all.wait_for([&] { return joining->is_done.load(); }, "the start of NCCL");
  if (joining->failure) std::rethrow_exception(joining->failure);
  gpus = joined->release();
  all.set_before_giving_up(end_what_runs);
  host_wait() = wait_and_watch;
}

void all_reduce_sum(const Cuda& cuda, View<float> values, const char*) {
  if (!processes().are_many() || values.size() == 0) return;
  open_all_reduce(cuda);
  gpus->sum(values.data, values.size(), cuda.stream());
}

}  // namespace kelvin
