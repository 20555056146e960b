#include "kernels/device/cuda.h"
#include "kernels/libraries/cudnn/library.h"

namespace kelvin {

cudnnContext* Cuda::cudnn() const {
  const Cuda& owner = is_side() ? *main_ : *this;
  if (owner.cudnn_ == nullptr)
    cudnn::check(cudnn::with_spare_memory([&] { return cudnn::library().create(&owner.cudnn_); }),
                 "opening the library");
  cudnn::check(cudnn::library().set_stream(owner.cudnn_, stream_), "setting the stream");
  return owner.cudnn_;
}

}  // namespace kelvin
