// The kernels that synchronise threads, once each under ThreadSanitizer, which sees every fiber as a thread and the barriers as the
// only order between them. Ends with exit code 66 where it reports a race.
//
//   race_check                 every kernel with a barrier; must find nothing
//   race_check planted-NAME    a kernel with a missing barrier; must find it
#include <cstdio>
#include <cstring>
#include <vector>

#include "kernels/device/cuda.h"
#include "kernels/device/pool.h"
#include "tests/cuda_emulation/planted/planted.h"
#include "tests/cuda_emulation/race_kernels.h"
#include "tests/cuda_emulation/simt.h"

namespace kelvin {
namespace {

int run(int argc, char** argv) {
  simt::config() = {simt::Order::forward, 1};  // the sanitizer needs no luck
  if (argc == 1) {
    const Cuda cuda(nullptr);
    testing::race_losses(cuda);
    testing::race_cross_entropy(cuda);
    testing::race_attacks(cuda);
    testing::race_reductions(cuda);
    testing::race_features(cuda);
    testing::race_products(cuda);
    return 0;
  }
  const std::vector<float> logits(4 * 300, 0.5f);
  using testing::Fault;
  if (std::strcmp(argv[1], "planted-none") == 0) testing::run_planted(Fault::none, logits, 4);
  if (std::strcmp(argv[1], "planted-read-after-write") == 0)
    testing::run_planted(Fault::missing_read_after_write, logits, 4);
  if (std::strcmp(argv[1], "planted-write-after-read") == 0)
    testing::run_planted(Fault::missing_write_after_read, logits, 4);
  if (std::strcmp(argv[1], "planted-write-after-write") == 0)
    testing::run_planted(Fault::missing_write_after_write, logits, 4);
  return 0;
}

}  // namespace
}  // namespace kelvin

int main(int argc, char** argv) { return kelvin::run(argc, argv); }
