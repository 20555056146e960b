#include "kernels/libraries/cudnn/descriptor.h"

namespace kelvin::cudnn {

Descriptor::State::~State() {
  if (raw != nullptr) library().destroy_descriptor(raw);
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) : state_(std::make_shared<State>()) {
  check(library().create_descriptor(type, &state_->raw), "creating a descriptor");
}

Descriptor& Descriptor::set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t n,
                                const void* values) {
  check(library().set_attribute(state_->raw, name, type, n, values), "setting an attribute");
  return *this;
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& value) {
  state_->uses.push_back(value.state_);
  return set(name, value.raw());
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, const std::vector<Descriptor>& values) {
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor& value : values) {
    state_->uses.push_back(value.state_);
    raw.push_back(value.raw());
  }
  return set(name, raw);
}

cudnnStatus_t Descriptor::try_finalize() {
  return with_spare_memory([&] { return library().finalize(state_->raw); });  // of a plan: it may load code
}

Descriptor& Descriptor::finalize(const char* what) {
  check(try_finalize(), what);
  return *this;
}

std::int64_t Descriptor::count(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const {
  std::int64_t n = 0;
  check(library().get_attribute(state_->raw, name, type, 0, &n, nullptr), "counting an attribute's elements");
  return n;
}

std::int64_t Descriptor::read(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::size_t most,
                              void* values) const {
  std::int64_t n = 0;
  check(library().get_attribute(state_->raw, name, type, static_cast<std::int64_t>(most), &n, values),
        "reading an attribute");
  return n;
}

std::vector<Descriptor> Descriptor::get_descriptors(cudnnBackendAttributeName_t name,
                                                    cudnnBackendDescriptorType_t type) const {
  const std::int64_t n = count(name, CUDNN_TYPE_BACKEND_DESCRIPTOR);
  std::vector<Descriptor> found;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::int64_t i = 0; i < n; ++i) {
    found.emplace_back(type);
    found.back().state_->uses.push_back(state_);
    raw.push_back(found.back().raw());
  }
  if (n > 0) found.resize(static_cast<std::size_t>(read(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, raw.size(), raw.data())));
  return found;
}

}  // namespace kelvin::cudnn
