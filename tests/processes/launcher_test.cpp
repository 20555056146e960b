// Which variables of the environment make a program a rank: those that launchers of MPI set, as mpirun and srun were seen to.
#include "kernels/processes/launcher.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>

namespace kelvin {
namespace {

class Launcher : public testing::Test {
 protected:
  void SetUp() override { clear(); }
  void TearDown() override { clear(); }
  static void set(const std::map<std::string, std::string>& variables) {
    clear();
    for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  }

 private:
  static void clear() {
    for (const char* const name : {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMI_SIZE", "PMI_RANK", "PMIX_RANK",
                                   "SLURM_NTASKS", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"})
      unsetenv(name);
  }
};

TEST_F(Launcher, OfOpenMpi) {
  set({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "3"}, {"PMIX_RANK", "3"}});
  EXPECT_TRUE(is_launched_in_parallel());
  EXPECT_EQ(launched_size(), 4);
  EXPECT_EQ(launched_rank(), 3);
  set({{"OMPI_COMM_WORLD_SIZE", "1"}, {"OMPI_COMM_WORLD_RANK", "0"}, {"PMIX_RANK", "0"}});
  EXPECT_FALSE(is_launched_in_parallel()) << "mpirun -n 1 is one process";
}

TEST_F(Launcher, OfMpichAndIntel) {
  set({{"PMI_SIZE", "2"}, {"PMI_RANK", "1"}});
  EXPECT_TRUE(is_launched_in_parallel());
  EXPECT_EQ(launched_rank(), 1);
}

TEST_F(Launcher, OfSlurmWithPmix) {
  set({{"SLURM_NTASKS", "2"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_PROCID", "1"}, {"PMIX_RANK", "1"}});
  EXPECT_TRUE(is_launched_in_parallel());
  EXPECT_EQ(launched_size(), 2);
  EXPECT_EQ(launched_rank(), 1);
  set({{"PMIX_RANK", "0"}});
  EXPECT_TRUE(is_launched_in_parallel()) << "MPI will tell the size";
  EXPECT_EQ(launched_size(), std::nullopt);
}

TEST_F(Launcher, IsNotAScriptOfSbatchNorSrunWithoutMpi) {
  set({{"SLURM_NTASKS", "8"}});
  EXPECT_FALSE(is_launched_in_parallel());
  set({{"SLURM_NTASKS", "8"}, {"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_PROCID", "3"}});
  EXPECT_FALSE(is_launched_in_parallel());
  set({{"OMPI_COMM_WORLD_SIZE", "many"}, {"PMIX_RANK", ""}});
  EXPECT_FALSE(is_launched_in_parallel());
}

TEST_F(Launcher, LeavesNothingToChildrenThatWouldMakeThemRanks) {
  for (const char* const name : {"OMPI_COMM_WORLD_SIZE", "OMPI_MCA_ess", "PMIX_RANK", "PMIX_SERVER_URI2", "PMI_SIZE"})
    EXPECT_TRUE(is_of_a_launcher(name)) << name;
  for (const char* const name : {"PATH", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "OMPI_ALLOW_RUN_AS_ROOT"})
    EXPECT_FALSE(is_of_a_launcher(name)) << name;
}

}  // namespace
}  // namespace kelvin
