#include "apps/training/position.h"

#include <limits>
#include <utility>

#include "apps/run/json_fields.h"
#include "engine/json_text.h"
#include "engine/printable.h"

namespace kelvin {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

// Texts from the user may contain any bytes, JSON is UTF-8.
Json escaped(const std::map<std::string, std::string>& texts) {
  Json json = Json::object();
  for (const auto& [name, text] : texts) json[escape_bytes(name)] = escape_bytes(text);
  return json;
}

std::map<std::string, std::string> unescaped(const JsonFields& fields, const Json& json) {
  std::map<std::string, std::string> texts;
  for (const auto& [name, value] : json.items()) texts[unescape_bytes(name)] = unescape_bytes(fields.text(name));
  return texts;
}

EpochFigures figures_from(const JsonFields& f) {
  EpochFigures last{f.number("train_loss"), f.number("train_accuracy"), f.number("img_per_s"), {}};
  if (f.has("validation_accuracy")) last.validation = {.accuracy = f.number("validation_accuracy")};
  if (last.validation && f.has("validation_robust_accuracy"))
    last.validation->robust_accuracy = f.number("validation_robust_accuracy");
  return last;
}

Json to_json(const EpochFigures& last) {
  Json json = {{"train_loss", last.train_loss}, {"train_accuracy", last.train_accuracy}, {"img_per_s", last.img_per_s}};
  if (last.validation) json["validation_accuracy"] = last.validation->accuracy;
  if (last.validation && last.validation->robust_accuracy)
    json["validation_robust_accuracy"] = *last.validation->robust_accuracy;
  return json;
}

}  // namespace

Json to_json(const Position& p) {
  Json json = {{"epoch", p.epoch}, {"step", p.step}, {"metrics_bytes", p.metrics_bytes}};
  if (p.best.epoch > 0) json.update({{"best_epoch", p.best.epoch}, {"best_score", p.best.score}});
  if (p.last) json["last"] = to_json(*p.last);
  for (const std::string& note : p.notes) json["notes"].push_back(escape_bytes(note));
  if (!p.flags.empty()) json["flags"] = escaped(p.flags);
  if (!p.flags_before.empty()) json["flags_before"] = escaped(p.flags_before);
  if (!p.data.empty()) json["data"] = escaped(p.data);
  return json;
}

Position position_from(const SafetensorsFile& checkpoint) {
  const auto found = checkpoint.metadata.find(kPositionKey);
  if (found == checkpoint.metadata.end())
    throw mistake(printable(checkpoint.path.string()), ": does not say where its run stands; it is no checkpoint that ",
                  "resume"_field, " can continue");
  const Json json = parse_json(checkpoint.path, found->second);
  const JsonFields f(checkpoint.path, json, kPositionKey);
  Position p;
  p.epoch = static_cast<std::uint32_t>(f.integer("epoch", 0, std::numeric_limits<int>::max()));
  p.step = f.integer("step", 0, kMost);
  p.metrics_bytes = static_cast<std::uintmax_t>(f.integer("metrics_bytes", 0, kMost));
  if (f.has("best_epoch"))
    p.best = {static_cast<std::uint32_t>(f.integer("best_epoch", 1, p.epoch)), f.number("best_score")};
  if (f.has("last")) p.last = figures_from(f.object("last"));
  if (f.has("notes"))
    for (const std::string& note : f.texts("notes")) p.notes.push_back(unescape_bytes(note));
  if (f.has("flags")) p.flags = unescaped(f.object("flags"), json.at("flags"));
  if (f.has("flags_before")) p.flags_before = unescaped(f.object("flags_before"), json.at("flags_before"));
  if (f.has("data")) p.data = unescaped(f.object("data"), json.at("data"));
  return p;
}

void record_flags(const RunFolder& run, const std::map<std::string, std::string>& flags) {
  SafetensorsFile file = read_safetensors(run.checkpoint());
  Position p = position_from(file);
  if (p.flags.empty() || p.flags == flags) return;
  p.flags_before = std::exchange(p.flags, flags);
  file.metadata[kPositionKey] = to_json(p).dump();
  write_safetensors(run.checkpoint(), file.tensors, file.metadata);
}

}  // namespace kelvin
