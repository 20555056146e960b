// Several processes with an emulated GPU each, without MPI: a test starts a program as the ranks of a parallel run, and the stand-in for the plugin
// (kernels/processes/transport.h) passes their messages over sockets.
//
//   for (const EndedRank& rank : run_ranks(2, {program, "train", ...})) EXPECT_EQ(rank.code, 0) << rank.output;
#pragma once

#include <string>
#include <vector>

namespace emulated {

struct EndedRank {
  int code = 0;  // 128 + N: ended by signal N
  std::string output;
  double seconds = 0;
};

// `environment`: NAME=VALUE for rank r alone; fewer than ranks: none for the others. A rank that still runs after `limit` seconds is killed; so is one
// that is stopped (SIGSTOP) or still runs after `grace` seconds, when others have failed.
[[nodiscard]] std::vector<EndedRank> run_ranks(int size, const std::vector<std::string>& command,
                                               const std::vector<std::vector<std::string>>& environment = {},
                                               double grace = 10, double limit = 120);

}  // namespace emulated
