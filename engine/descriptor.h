// Owns an open file descriptor and closes it.
#pragma once

#include <unistd.h>

#include <utility>

namespace kelvin {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}  // -1: none, as open() says it
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this == &other) return *this;
    reset();
    descriptor_ = std::exchange(other.descriptor_, -1);
    return *this;
  }

  explicit operator bool() const { return descriptor_ >= 0; }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  void reset() const {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int descriptor_ = -1;
};

}  // namespace kelvin
