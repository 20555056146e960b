#include "kernels/cudnn/library.h"
#include "kernels/device/cuda.h"

namespace kelvin {

cudnnContext* Cuda::cudnn() const {
  if (cudnn_ == nullptr) {
    cudnn::check(cudnn::library().create(&cudnn_), "opening the library");
    cudnn::check(cudnn::library().set_stream(cudnn_, stream_), "setting the stream");
  }
  return cudnn_;
}

}  // namespace kelvin
