// Runs kelvin as several processes of MPI, on CPU ranks of one thread each.
#pragma once

#include "tests/cli/cli_fixture.h"

namespace kelvin::testing {

class MpirunTest : public CliTest {
 protected:
  void SetUp() override {
    if (std::system("command -v mpirun >/dev/null && [ -f '" KELVIN_MPI_PLUGIN "' ]") != 0)
      GTEST_SKIP() << "no MPI here: tools/setup.sh --mpi";
  }
  // mpirun with these arguments, in which each `kelvin` stands for the program. Its own messages are removed from standard error.
  Outcome mpirun(const std::string& arguments) {
    const std::string flags = "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun -q --oversubscribe ";
    std::string command = arguments;
    for (std::size_t at = 0; (at = command.find("kelvin ", at)) != std::string::npos; at += sizeof KELVIN_PROGRAM)
      command.replace(at, 6, KELVIN_PROGRAM);
    Outcome o = run_program(folder_.path(), "/usr/bin/env", flags + command);
    std::string own, line;
    for (std::istringstream lines(o.err); std::getline(lines, line);)
      if (line.starts_with("kelvin: ")) own += line + "\n";
    o.err = own;
    return o;
  }
  Outcome ranks(int n, const std::string& arguments) {
    return mpirun("-n " + std::to_string(n) + " kelvin " + arguments);
  }
};

}  // namespace kelvin::testing
