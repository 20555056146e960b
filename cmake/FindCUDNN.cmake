# cuDNN's headers, from a CUDA toolkit, a system package or Python's wheels: CUDNN_INCLUDE_DIR, CUDNN_VERSION.
# Only headers: the library itself is loaded at run time, when a GPU is there (kernels/device/dynamic_library.h).
set(hints ${CUDNN_ROOT} $ENV{CUDNN_ROOT} ${CUDAToolkit_INCLUDE_DIRS})
find_program(CUDNN_PYTHON NAMES python3 python)
mark_as_advanced(CUDNN_PYTHON)
if(CUDNN_PYTHON)
  execute_process(
    COMMAND ${CUDNN_PYTHON} -c "import glob, os, sysconfig; print(';'.join(glob.glob(os.path.join(sysconfig.get_path('purelib'), 'nvidia', 'cudnn'))))"
    OUTPUT_VARIABLE wheels OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  list(APPEND hints ${wheels})
endif()
find_path(CUDNN_INCLUDE_DIR cudnn_graph.h HINTS ${hints} PATH_SUFFIXES include)
if(CUDNN_INCLUDE_DIR)
  file(STRINGS ${CUDNN_INCLUDE_DIR}/cudnn_version.h version REGEX "^#define CUDNN_(MAJOR|MINOR|PATCHLEVEL) ")
  string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCHLEVEL ([0-9]+).*" "\\1.\\2.\\3" CUDNN_VERSION "${version}")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CUDNN REQUIRED_VARS CUDNN_INCLUDE_DIR VERSION_VAR CUDNN_VERSION)
mark_as_advanced(CUDNN_INCLUDE_DIR)
