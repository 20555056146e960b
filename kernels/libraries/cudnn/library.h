// The functions of cuDNN that we call, loaded when first needed, and the check of every call's status.
#pragma once

#include <cudnn_graph.h>

#include <string>

#include "kernels/device/pool.h"
#include "kernels/libraries/nvidia_libraries.h"

namespace kelvin::cudnn {

struct Library {
  const DynamicLibrary& from = nvidia_libraries().cudnn;
  decltype(cudnnGetVersion)* get_version = from["cudnnGetVersion"];
  decltype(cudnnGetErrorString)* get_error_string = from["cudnnGetErrorString"];
  decltype(cudnnGetLastErrorString)* get_last_error_string = from["cudnnGetLastErrorString"];
  decltype(cudnnCreate)* create = from["cudnnCreate"];
  decltype(cudnnSetStream)* set_stream = from["cudnnSetStream"];
  decltype(cudnnBackendCreateDescriptor)* create_descriptor = from["cudnnBackendCreateDescriptor"];
  decltype(cudnnBackendDestroyDescriptor)* destroy_descriptor = from["cudnnBackendDestroyDescriptor"];
  decltype(cudnnBackendSetAttribute)* set_attribute = from["cudnnBackendSetAttribute"];
  decltype(cudnnBackendGetAttribute)* get_attribute = from["cudnnBackendGetAttribute"];
  decltype(cudnnBackendFinalize)* finalize = from["cudnnBackendFinalize"];
  decltype(cudnnBackendExecute)* execute = from["cudnnBackendExecute"];
};
[[nodiscard]] const Library& library();
[[nodiscard]] std::string version_text();  // "9.19.0"

// cuDNN's explanation of this thread's last failure, in one line; and only the clause in it that says why an engine failed.
[[nodiscard]] std::string last_error();
[[nodiscard]] std::string last_reason();

// Whether a call failed for lack of memory on the GPU, either cuDNN's or the driver's, which loads the code.
[[nodiscard]] bool is_out_of_memory(cudnnStatus_t status);

// Throws an error with cuDNN's explanation and the action `what`; out of memory has its own exit code.
void check(cudnnStatus_t status, const char* what);

// The status of a call that allocates memory of its own. If none is left, our pools give back their free blocks and the call is repeated once.
template <class Call>
[[nodiscard]] cudnnStatus_t with_spare_memory(const Call& call) {
  const cudnnStatus_t status = call();
  return is_out_of_memory(status) && release_spare_memory() ? call() : status;
}

}  // namespace kelvin::cudnn
