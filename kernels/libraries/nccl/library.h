// The functions of NCCL that we call, loaded when first needed, and the check of every call's result.
#pragma once

#include <nccl.h>

#include "kernels/device/dynamic_library.h"

namespace kelvin::nccl {

struct Library {
  DynamicLibrary from;
  decltype(ncclGetErrorString)* get_error_string = from["ncclGetErrorString"];
  decltype(ncclGetLastError)* get_last_error = from["ncclGetLastError"];
  decltype(ncclGetUniqueId)* get_unique_id = from["ncclGetUniqueId"];
  decltype(ncclCommInitRank)* init_rank = from["ncclCommInitRank"];
  decltype(ncclCommGetAsyncError)* get_async_error = from["ncclCommGetAsyncError"];
  decltype(ncclCommAbort)* abort = from["ncclCommAbort"];
  decltype(ncclAllReduce)* all_reduce = from["ncclAllReduce"];
};
// Sets NCCL's environment before it is loaded: NCCL reads it once.
[[nodiscard]] const Library& library();

// Throws an error with NCCL's explanation and the action `what`.
void check(ncclResult_t result, const char* what);
[[nodiscard]] std::string explanation(ncclResult_t result);

}  // namespace kelvin::nccl
