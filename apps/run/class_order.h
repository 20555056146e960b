// Which class of a data set belongs to which output of a model. Classes are matched by name if both sides have names.
//
// A model is trained on labels 0, 1, ...; the list of names in its checkpoint says what they mean. Another set may hold fewer classes
// or list them in another order. Without names (npy, synthetic, weights of others) label c is output c.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/run/run_folder.h"
#include "data/dataset.h"

namespace kelvin {

struct ClassNames {
  std::vector<std::string> names;  // one a class; empty where classes are numbers only
  std::vector<std::string>
      folders;  // of sets of image files: the folder of each class (Tiny-ImageNet: its wnid); else empty
  [[nodiscard]] bool are_known() const { return !names.empty(); }
};

[[nodiscard]] ClassNames class_names_of(const Dataset& data);
// Without names if they are "0", "1", ... or "class 0", ...: earlier versions wrote these where the set had no names.
[[nodiscard]] ClassNames class_names_of(const RunInfo& info);

// For each class of `from` its index in `to`, −1 if `to` does not have it. Classes are matched by folder if both have folders and all are
// found, else by name. Throws a mistake if one of these names occurs twice; `where` is the message's subject.
[[nodiscard]] std::vector<int> places_in(const ClassNames& to, const ClassNames& from, const std::string& where);
[[nodiscard]] bool are_found(const std::vector<int>& places);  // none is −1

// From the labels of a data set to the outputs of a model.
class ClassOrder {
 public:
  // `model` and `data` name the two in messages. Throws a mistake that lists the classes which the model does not know, even if none of the
  // images that were read belongs to them. Without names: a mistake if the set has more classes than the model.
  ClassOrder(const RunInfo& info, const std::string& model, const Dataset& set, const std::string& data);

  // Gives the images the model's labels.
  void apply(ImageSet& set) const;
  // What is unusual about the match, in one line; empty if both sides list the same classes in the same order.
  [[nodiscard]] const std::string& note() const { return note_; }
  // One name for each output: the model's, else the set's, else numbers.
  [[nodiscard]] const std::vector<std::string>& output_names() const { return output_names_; }
  // The names of the outputs; empty if neither side has names.
  [[nodiscard]] const ClassNames& outputs() const { return outputs_; }

 private:
  ClassNames outputs_;
  std::vector<std::string> output_names_;
  std::vector<int> output_of_;  // by label; empty where labels stay as they are
  std::string note_;
};

// Puts the classes of a resumed run's data set into the order of its checkpoint. Throws a mistake if they are no longer the same classes.
void restore_class_order(Dataset& data, const RunInfo& begun, const std::string& run);

// Reorders the outputs of another model, whose names are `own`, into the order of `outputs`. Throws a mistake if the classes differ.
void align_outputs(const Model& other, const ClassNames& own, const std::string& where, const ClassNames& outputs,
                   int classes);

// Output c becomes what output rows[c] was; returns whether any output moves. Empty rows move nothing.
bool reorder_outputs(const Model& model, const std::vector<int>& rows);

}  // namespace kelvin
