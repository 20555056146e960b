// The plane in feature space in which the three classes nearest to an image lie, for a figure.
//
// Nearest: of the highest logits. With their prototypes a, b, c and m = (a + b + c)/3, the plane goes through m along
// a − m and b − m. A point f is projected to q = ((f − m)·u, (f − m)·v), u and v orthonormal. As a − m lies in the plane,
// the score q·q_a + offset_a with offset_a = m·a + bias_a is the logit of a less a number that the three classes share.
// So the lines between the regions of the three are exact for every f, however far it is from the plane. A cosine
// classifier sees directions only; its features and prototypes have length 1 here.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "models/model.h"

namespace kelvin {

using PlanePoint = std::array<double, 2>;

class ClassPlane {
 public:
  // logits [C], feature [d] of one image; W [C, d] and bias [C] of its model. With two classes the second direction is
  // the feature's.
  ClassPlane(std::span<const float> logits, std::span<const float> feature, std::span<const float> prototypes,
             std::span<const float> bias, bool is_cosine);

  [[nodiscard]] PlanePoint project(std::span<const float> feature) const;
  // From the feature to the plane; 0 if it is rounding.
  [[nodiscard]] double distance_to(std::span<const float> feature) const;

  // [2 or 3], of the highest logit first; and for each of them.
  [[nodiscard]] const std::vector<std::int32_t>& nearest() const { return nearest_; }
  [[nodiscard]] const std::vector<double>& offsets() const { return offsets_; }
  [[nodiscard]] const std::vector<double>& distances() const { return distances_; }  // ‖f − w‖ of the image's feature
  [[nodiscard]] const std::vector<PlanePoint>& prototypes() const { return prototypes_; }  // of all classes
  [[nodiscard]] const std::vector<double>& u() const { return u_; }
  [[nodiscard]] const std::vector<double>& v() const { return v_; }

 private:
  using Vector = std::vector<double>;
  [[nodiscard]] Vector point_of(std::span<const float> values) const;  // of length 1 if the classifier is a cosine
  [[nodiscard]] PlanePoint project_point(const Vector& point) const;

  bool is_cosine_;
  std::vector<std::int32_t> nearest_;
  Vector mean_, u_, v_, offsets_, distances_;
  std::vector<PlanePoint> prototypes_;
};

}  // namespace kelvin
