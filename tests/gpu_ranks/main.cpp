// The ranks of tools/gpu_check.sh, on real GPUs: mpirun -n 2 bin/gpu_ranks training resnet8 once
#include "tests/gpu_ranks/rank_cases.h"

int main(int argc, char** argv) { return argc > 1 ? kelvin::run_rank({argv + 1, argv + argc}) : 2; }
