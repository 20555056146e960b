// The functions of cuDNN that we call, loaded when first needed, and the check that every call goes through.
#pragma once

#include <cudnn_graph.h>

#include <string>

#include "kernels/device/pool.h"

namespace kelvin::cudnn {

struct Library {
  decltype(cudnnGetVersion)* get_version;
  decltype(cudnnGetErrorString)* get_error_string;
  decltype(cudnnGetLastErrorString)* get_last_error_string;
  decltype(cudnnCreate)* create;
  decltype(cudnnSetStream)* set_stream;
  decltype(cudnnBackendCreateDescriptor)* create_descriptor;
  decltype(cudnnBackendDestroyDescriptor)* destroy_descriptor;
  decltype(cudnnBackendSetAttribute)* set_attribute;
  decltype(cudnnBackendGetAttribute)* get_attribute;
  decltype(cudnnBackendFinalize)* finalize;
  decltype(cudnnBackendExecute)* execute;
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
