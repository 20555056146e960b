#include "apps/tensorboard/events.h"

#include <algorithm>
#include <charconv>

#include "apps/tensorboard/protobuf.h"
#include "engine/printable.h"

namespace kelvin {
namespace {

// Kinds of HParamsPluginData and of its values.
constexpr int kExperiment = 2, kSessionStart = 3, kSessionEnd = 4;
constexpr int kString = 1, kBool = 2, kFloat64 = 3;  // DataType

bool is_number(const std::string& text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

int type_of(const std::string& text) {
  double ignored = 0;
  if (is_number(text, ignored)) return kFloat64;
  return text == "true" || text == "false" ? kBool : kString;
}

// google.protobuf.Value
std::string setting_value(const std::string& text) {
  ProtobufMessage value;
  double number = 0;
  switch (type_of(text)) {
    case kFloat64: is_number(text, number); return value.number(2, number).str();
    case kBool: return value.boolean(4, text == "true").str();
    default: return value.bytes(3, escape_bytes(text)).str();
  }
}

// The name and type of a column of the tab, and whether its values differ; a string where they are of several types.
std::string setting_info(const Experiment::Setting& setting) {
  int type = setting.values.empty() ? kString : type_of(setting.values.front());
  bool differs = false;
  for (const std::string& value : setting.values) {
    if (type_of(value) != type) type = kString;
    differs = differs || value != setting.values.front();
  }
  return ProtobufMessage().bytes(1, setting.name).integer(4, type).integer(7, differs ? 1 : 0).str();
}

}  // namespace

void EventSummary::value(const std::string& bytes) { text_ += ProtobufMessage().bytes(1, bytes).str(); }

EventSummary& EventSummary::scalar(std::string_view tag, double number) {
  value(ProtobufMessage().bytes(1, tag).number(2, static_cast<float>(number)).str());
  return *this;
}

EventSummary& EventSummary::image(std::string_view tag, int height, int width, int channels, std::string_view png) {
  const std::string image =
      ProtobufMessage().integer(1, height).integer(2, width).integer(3, channels).bytes(4, png).str();
  value(ProtobufMessage().bytes(1, tag).bytes(4, image).str());
  return *this;
}

// A value without data: its metadata holds the message for the plugin.
void EventSummary::hparams(std::string_view tag, int kind, std::string_view data) {
  const std::string content = ProtobufMessage().bytes(kind, data).str();
  const std::string plugin = ProtobufMessage().bytes(1, "hparams").bytes(2, content).str();
  value(ProtobufMessage().bytes(1, tag).bytes(9, ProtobufMessage().bytes(1, plugin).str()).str());
}

EventSummary& EventSummary::session_start(const std::map<std::string, std::string>& settings, double start) {
  ProtobufMessage session;
  for (const auto& [name, text] : settings)
    session.bytes(1, ProtobufMessage().bytes(1, name).bytes(2, setting_value(text)).str());
  hparams("_hparams_/session_start_info", kSessionStart, session.number(5, start).str());
  return *this;
}

EventSummary& EventSummary::session_end(bool is_success, double end) {
  hparams("_hparams_/session_end_info", kSessionEnd,
          ProtobufMessage().integer(1, is_success ? 1 : 2).number(2, end).str());
  return *this;
}

EventSummary& EventSummary::experiment(const Experiment& e) {
  ProtobufMessage message;
  message.bytes(1, e.description).number(3, e.created);
  for (const Experiment::Setting& setting : e.settings) message.bytes(4, setting_info(setting));
  for (const Experiment::Metric& m : e.metrics) {
    const std::string name = ProtobufMessage().bytes(1, m.group).bytes(2, m.tag).str();
    message.bytes(5, ProtobufMessage().bytes(1, name).bytes(3, m.title).str());
  }
  hparams("_hparams_/experiment", kExperiment, message.str());
  return *this;
}

std::string version_event(double time) { return ProtobufMessage().number(1, time).bytes(3, "brain.Event:2").str(); }

std::string summary_event(double time, std::int64_t step, std::string_view summary) {
  return ProtobufMessage().number(1, time).integer(2, step).bytes(5, summary).str();
}

std::string restart_event(double time, std::int64_t step) {
  return ProtobufMessage().number(1, time).integer(2, step).bytes(7, ProtobufMessage().integer(1, 1).str()).str();
}

}  // namespace kelvin
