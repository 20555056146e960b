// The functions of cuDNN that we call, loaded when first needed, and the check that every call goes through.
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

// cuDNN's own explanation of this thread's last failure, in one line; and of that the clause that an engine failed by.
[[nodiscard]] std::string last_error();
[[nodiscard]] std::string last_reason();

// Whether the call failed for lack of memory on the GPU: of cuDNN's own, or of the driver's for the code that it loads.
[[nodiscard]] bool is_out_of_memory(cudnnStatus_t status);

// Throws with cuDNN's own explanation, with ExitCode::out_of_memory where it is that; `what` says what was being done.
void check(cudnnStatus_t status, const char* what);

// The status of a call that may need memory of its own: where there is none, what lies free in our pools is given back and it is tried once more.
template <class Call>
[[nodiscard]] cudnnStatus_t with_spare_memory(const Call& call) {
  const cudnnStatus_t status = call();
  return is_out_of_memory(status) && release_spare_memory() ? call() : status;
}

}  // namespace kelvin::cudnn
