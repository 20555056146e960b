// Which class of a data set is which output of a model: matched by name wherever both sides have names.
//
// A model is trained on labels 0, 1, ...; what they mean is the list of names in its checkpoint. Another set may hold fewer classes,
// or list them in another order. Sets without names (npy, synthetic, weights of others) are taken as they are: label c is output c.
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
// Runs of earlier versions wrote "0", "1", ... or "class 0", ... where the set had no names: these are none.
[[nodiscard]] ClassNames class_names_of(const RunInfo& info);

// For each class of `from` its place in `to`, −1 where it is not there: by folder where both have folders and all are found, else by
// name. A mistake where a name that decides stands twice; `where` says of what.
[[nodiscard]] std::vector<int> places_in(const ClassNames& to, const ClassNames& from, const std::string& where);
[[nodiscard]] bool are_found(const std::vector<int>& places);  // none is −1

// From the labels of a data set to the outputs of a model.
class ClassOrder {
 public:
  // `model` and `data` name the two in messages. A mistake where neither names match nor counts fit, and one that lists the names of
  // classes which the model does not know: also where the images that were read hold none of them.
  ClassOrder(const RunInfo& info, const std::string& model, const Dataset& set, const std::string& data);

  // Gives the images the model's labels.
  void apply(ImageSet& set) const;
  // What is not usual about the match, in one line; empty where both sides list the same classes in the same order.
  [[nodiscard]] const std::string& note() const { return note_; }
  // One name an output: the model's, without them the set's, numbers where neither says.
  [[nodiscard]] const std::vector<std::string>& output_names() const { return output_names_; }
  // What the outputs are known by: empty where neither side says.
  [[nodiscard]] const ClassNames& outputs() const { return outputs_; }

 private:
  ClassNames outputs_;
  std::vector<std::string> output_names_;
  std::vector<int> output_of_;  // by label; empty where labels stay as they are
  std::string note_;
};

// The data set of a run that is continued, in the order of its checkpoint. A mistake where its classes are no longer those.
void restore_class_order(Dataset& data, const RunInfo& begun, const std::string& run);

// Makes another model, whose outputs are called `own`, answer in the order of `outputs`. A mistake where the classes differ.
void align_outputs(const Model& other, const ClassNames& own, const std::string& where, const ClassNames& outputs,
                   int classes);

// Output c becomes what output rows[c] was; whether that moves any. Without rows nothing moves.
bool reorder_outputs(const Model& model, const std::vector<int>& rows);

}  // namespace kelvin
