// Data-parallel training: the sum of the gradients over the ranks of a parallel run (kernels/processes/processes.h).
//
//   GradientExchange exchange(trained);                    // once
//   exchange.backward(tape, loss, share);                  // instead of tape.backward: afterwards every gradient is the sum over the ranks
//   tape.backward(loss, share); ... exchange.exchange();   // the same after the last of several backward passes
//
// Each rank's loss has a factor, its share of the images of the optimizer step, so that the sum is the gradient of the mean over all of them.
// The gradients travel in buckets: stretches of neighbours in the flat buffers, about 25 MB each, in a fixed order from the end of the buffer,
// where the backward pass begins. Every rank sends all of them, a rank without images zeros. Collective; with one rank nothing happens.
//
// On a GPU `backward` sends a bucket as soon as its gradients are final (final_gradients.h). In a recorded step that is done beside the rest of the
// backward pass. On the CPU all are sent after it: MPI makes no progress by itself.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engine/tape.h"

namespace kelvin {

class GradientExchange {
 public:
  static constexpr std::int64_t kBucketBytes = 25'000'000;  // unless one parameter alone has more

  // Of the gradients of these parameters, which may belong to several models. They must live as long.
  explicit GradientExchange(const std::vector<const Parameter*>& trained, std::int64_t bucket_bytes = kBucketBytes);

  void backward(Tape& tape, const Tensor& y, const Tensor& dy);
  void exchange();

  // A stretch of a flat gradient buffer that is summed at once.
  struct Bucket {
    Tensor gradients;
    int parameters = 0;
    int missing = 0;  // of them, gradients that are not final in the present backward pass
  };
  [[nodiscard]] const std::vector<Bucket>& buckets() const { return buckets_; }
  [[nodiscard]] std::size_t sent() const { return next_; }  // so many of them, in the present pass or the last

 private:
  void send_next(const Device& device);

  std::vector<Bucket> buckets_;                            // in the order of sending
  std::unordered_map<std::uint64_t, std::size_t> bucket_;  // of a gradient, by the tensor's identity
  std::size_t next_ = 0;
};

}  // namespace kelvin
