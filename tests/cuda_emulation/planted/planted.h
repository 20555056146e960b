// Faults planted in copies of a block reduction, one a name: the emulated device must notice every one of them.
#pragma once

#include <vector>

namespace kelvin::testing {

// Row maxima and sums of exponentials, as for a softmax: two block reductions through one shared array.
//   out [rows, 2]
enum class Fault {
  none,
  missing_read_after_write,   // a thread reads the warps' results before they are all there
  missing_write_after_read,   // the second reduction overwrites what slow threads still read of the first
  missing_write_after_write,  // the array is filled by one warp while another has already put its result there
  block_order,                // every block clears the output of the next one, which must come later
  wrong_reduction,            // the last warp is left out
  shared_out_of_bounds,       // one element too far in shared memory
  global_out_of_bounds,       // one element too far in the output
  divergent_barrier,          // half of the block waits at a barrier the others never reach
  different_barriers,         // the two halves wait at different barriers
  divergent_shuffle,          // half of a warp waits in a shuffle for lanes that never come
  foreign_lane,               // a shuffle whose mask does not name the lane that calls it
};

std::vector<float> run_planted(Fault fault, const std::vector<float>& logits, int rows);

}  // namespace kelvin::testing
