// The functions of cuDNN that we call, loaded when first needed, and the check that every call goes through.
#pragma once

#include <cudnn_graph.h>

#include <string>

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

// cuDNN's own explanation of this thread's last failure.
[[nodiscard]] std::string last_error();

// Throws with cuDNN's own explanation; `what` says what was being done.
void check(cudnnStatus_t status, const char* what);

}  // namespace kelvin::cudnn
