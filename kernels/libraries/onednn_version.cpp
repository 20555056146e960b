#include "kernels/libraries/onednn_version.h"

#include "kernels/device/error.h"
#include "kernels/libraries/onednn/onednn.h"

namespace kelvin {

std::string onednn_version() {
  const dnnl_version_t* const v = dnnl_version();
  return str(v->major, ".", v->minor, ".", v->patch);
}

}  // namespace kelvin
