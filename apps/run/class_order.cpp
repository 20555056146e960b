#include "apps/run/class_order.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "engine/printable.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

bool has_class_folders(const std::string& data) {
  return data.starts_with("folder:") || data.starts_with("tiny-imagenet:");
}

bool is_number(const std::string& name, std::size_t label) {
  return name == std::to_string(label) || name == str("class ", label);
}

// −1 for names that are not found.
std::vector<int> places_by(const std::vector<std::string>& to, const std::vector<std::string>& from,
                           const std::string& where) {
  std::map<std::string, int> places;
  std::vector<std::string> twice;
  for (std::size_t i = 0; i < to.size(); ++i)
    if (!places.emplace(to[i], static_cast<int>(i)).second) twice.push_back(to[i]);
  std::set<std::string> seen;
  for (const std::string& name : from)
    if (!seen.insert(name).second) twice.push_back(name);
  std::vector<int> found;
  for (const std::string& name : from) {
    if (std::find(twice.begin(), twice.end(), name) != twice.end())
      throw mistake(where, ": the class name ", name, " stands twice, so classes cannot be matched by name");
    const auto at = places.find(name);
    found.push_back(at == places.end() ? -1 : at->second);
  }
  return found;
}

bool are_in_order(const std::vector<int>& places) {
  for (std::size_t i = 0; i < places.size(); ++i)
    if (places[i] != static_cast<int>(i)) return false;
  return true;
}

std::vector<std::string> not_found(const std::vector<std::string>& names, const std::vector<int>& places) {
  std::vector<std::string> list;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (places[i] < 0) list.push_back(names[i]);
  return list;
}

template <class T>
std::vector<T> arranged(const std::vector<T>& values, const std::vector<int>& order) {
  if (values.empty()) return {};
  std::vector<T> out;
  for (const int i : order) out.push_back(values[static_cast<std::size_t>(i)]);
  return out;
}

}  // namespace

ClassNames class_names_of(const Dataset& data) {
  if (!data.has_class_names) return {};
  ClassNames c{data.class_names, {}};
  for (const std::string& folder : data.class_folders) c.folders.push_back(escape_bytes(folder));
  return c;
}

ClassNames class_names_of(const RunInfo& info) {
  ClassNames c{info.class_names, info.class_folders};
  if (!c.are_known()) return {};
  if (has_class_folders(info.data)) {
    if (c.folders.empty() && info.data.starts_with("folder:")) c.folders = c.names;
    return c;
  }
  for (std::size_t i = 0; i < c.names.size(); ++i)
    if (is_number(c.names[i], i)) return {};
  return c;
}

bool are_found(const std::vector<int>& places) { return std::find(places.begin(), places.end(), -1) == places.end(); }

std::vector<int> places_in(const ClassNames& to, const ClassNames& from, const std::string& where) {
  const bool have_folders = !to.folders.empty() && !from.folders.empty();
  if (to.names == from.names && (!have_folders || to.folders == from.folders)) {
    std::vector<int> same(from.names.size());
    std::iota(same.begin(), same.end(), 0);
    return same;
  }
  if (have_folders)
    if (const std::vector<int> places = places_by(to.folders, from.folders, where); are_found(places)) return places;
  return places_by(to.names, from.names, where);
}

ClassOrder::ClassOrder(const RunInfo& info, const std::string& model, const Dataset& set, const std::string& data)
    : outputs_(class_names_of(info)) {
  const ClassNames names = class_names_of(set);
  const auto classes = static_cast<std::size_t>(info.model.classes);
  if (outputs_.are_known() && names.are_known()) {
    std::vector<int> places = places_in(outputs_, names, data + " on " + model);
    if (const std::vector<std::string> unknown = not_found(names.names, places); !unknown.empty())
      throw mistake(data, ": has ", unknown.size(), unknown.size() == 1 ? " class" : " classes", " that ", model,
                    " does not know: ", briefly_listed(unknown), "; it knows ", briefly_listed(outputs_.names));
    output_names_ = outputs_.names;
    const std::size_t known = places.size();
    if (known == classes && are_in_order(places)) return;
    output_of_ = std::move(places);
    note_ = known == classes
                ? str(data, " lists the classes of ", model, " in another order; labels are matched by name")
                : str(data, " has ", known, " of the ", classes, " classes of ", model, "; labels are matched by name");
    return;
  }
  if (set.classes > info.model.classes)
    throw mistake(data, ": ", set.classes, " classes; ", model, " is a model of ", classes);
  output_names_ = set.class_names;
  for (std::size_t c = output_names_.size(); c < classes; ++c) output_names_.push_back(std::to_string(c));
  if (set.classes == info.model.classes && !outputs_.are_known()) outputs_ = names;
}

void ClassOrder::apply(ImageSet& set) const {
  if (output_of_.empty()) return;
  for (std::int32_t& label : set.labels) label = output_of_[static_cast<std::size_t>(label)];
}

void restore_class_order(Dataset& data, const RunInfo& begun, const std::string& run) {
  const ClassNames then = class_names_of(begun), now = class_names_of(data);
  if (!then.are_known()) return;
  if (!now.are_known() && data.classes == begun.model.classes) {  // the file of names has been removed
    data.class_names = then.names;
    data.has_class_names = true;
  }
  if (!now.are_known()) return;
  const std::vector<int> places = places_in(then, now, run);
  if (!are_found(places) || places.size() != then.names.size()) {
    const std::vector<std::string> added = not_found(now.names, places),
                                   gone = not_found(then.names, places_in(now, then, run));
    throw mistake(run, ": was begun with ", then.names.size(), " classes, the data has ", now.names.size(), ":",
                  gone.empty() ? "" : " gone: " + briefly_listed(gone), gone.empty() || added.empty() ? "" : ";",
                  added.empty() ? "" : " new: " + briefly_listed(added),
                  "; put the classes back, or begin another run with another ", "out"_field);
  }
  if (are_in_order(places)) return;
  for (ImageSet* set : {&data.train, &data.test, &data.validation})
    for (std::int32_t& label : set->labels) label = places[static_cast<std::size_t>(label)];
  const std::vector<int> order = places_in(now, then, run);
  data.class_names = arranged(data.class_names, order);
  data.class_folders = arranged(data.class_folders, order);
}

void align_outputs(const Model& other, const ClassNames& own, const std::string& where, const ClassNames& outputs,
                   int classes) {
  if (other.spec().classes != classes)
    throw mistake(where, ": a model of ", other.spec().classes, " classes; the model in question has ", classes);
  if (!own.are_known() || !outputs.are_known()) return;
  const std::vector<int> rows = places_in(own, outputs, where);
  if (!are_found(rows))
    throw mistake(where, ": does not know these classes of the model in question: ",
                  briefly_listed(not_found(outputs.names, rows)), "; it knows ", briefly_listed(own.names));
  reorder_outputs(other, rows);
}

bool reorder_outputs(const Model& model, const std::vector<int>& rows) {
  if (are_in_order(rows)) return false;
  for (const Parameter* p : {&model.prototypes(), &model.prototype_bias()}) {
    const std::vector<float> old = p->value.to_host<float>();
    const std::size_t width = old.size() / rows.size();
    std::vector<float> values;
    for (const int row : rows) {
      const auto first = old.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(row) * width);
      values.insert(values.end(), first, first + static_cast<std::ptrdiff_t>(width));
    }
    p->value.copy_from_host<float>(values);
  }
  return true;
}

}  // namespace kelvin
