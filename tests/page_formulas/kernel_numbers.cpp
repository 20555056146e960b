// Losses and gradients of the CPU kernels as JSON on standard output, for compare.js: what the formulas of Kelvin's pages must give. Floats are
// written as their bits. exp and log: every argument that these losses give the C library's expf and logf, with its result.
#include <bit>
#include <cmath>
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "kernels/device/error.h"
#include "kernels/losses/log_odds_cross_entropy.h"
#include "kernels/losses/softmax_cross_entropy.h"

namespace {

using namespace kelvin;

std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }

std::string list(const std::vector<float>& values) {
  std::string out;
  for (const float v : values) out += str(out.empty() ? "" : ",", bits(v));
  return str("[", out, "]");
}

// The C library's functions, and what they were asked.
struct Recorded {
  std::map<std::uint32_t, float> exps, logs;

  float exp(float x) { return exps[bits(x)] = std::exp(x); }
  float log(float x) { return logs[bits(x)] = std::log(x); }

  // Asks for what a softmax over the classes other than `except` needs (kernels/losses/row_log_softmax.h, log_odds_cross_entropy.cpp).
  void softmax(const std::vector<float>& z, float tau, int except) {
    float maximum = -INFINITY, sum = 0;
    for (int j = 0; j < std::ssize(z); ++j)
      if (j != except) maximum = std::max(maximum, z[j] / tau);
    for (int j = 0; j < std::ssize(z); ++j)
      if (j != except) sum += exp(z[j] / tau - maximum);
    const float log_sum = log(sum);
    for (int j = 0; j < std::ssize(z); ++j)
      exp(except < 0 ? z[j] / tau - maximum - log_sum : z[j] / tau - (maximum + log_sum));
  }
};

Recorded recorded;

std::string one_case(std::vector<float> z, std::int32_t label, float tau) {
  const std::int64_t classes = std::ssize(z);
  std::vector<float> ce(1), log_odds(1), ce_gradient(z.size()), log_odds_gradient(z.size());
  const float one = 1;
  const View<const float> logits(z.data(), {1, classes}), taus(&tau, {1}), dloss(&one, {1});
  const View<const std::int32_t> labels(&label, {1});
  softmax_cross_entropy_forward(Cpu{}, View<float>(ce.data(), {1}), logits, labels, taus);
  softmax_cross_entropy_backward(Cpu{}, View<float>(ce_gradient.data(), {1, classes}), dloss, logits, labels, taus);
  log_odds_cross_entropy_forward(Cpu{}, View<float>(log_odds.data(), {1}), logits, labels, taus);
  log_odds_cross_entropy_backward(Cpu{}, View<float>(log_odds_gradient.data(), {1, classes}), dloss, logits, labels,
                                  taus);
  recorded.softmax(z, tau, -1);
  recorded.softmax(z, tau, label);
  return str("{\"z\":", list(z), ",\"label\":", label, ",\"tau\":", bits(tau), ",\"ce\":", bits(ce[0]),
             ",\"logOdds\":", bits(log_odds[0]), ",\"ceGradient\":", list(ce_gradient),
             ",\"logOddsGradient\":", list(log_odds_gradient), "}");
}

std::string pairs(const std::map<std::uint32_t, float>& values) {
  std::string out;
  for (const auto& [x, y] : values) out += str(out.empty() ? "" : ",", "[", x, ",", bits(y), "]");
  return str("[", out, "]");
}

}  // namespace

int main() {
  std::string cases;
  const auto add = [&](const std::string& text) { cases += str(cases.empty() ? "" : ",\n", text); };
  // Where float32 stops: one logit above nine equal ones, in steps of a quarter.
  for (int quarters = 0; quarters <= 440; ++quarters) {
    std::vector<float> z(10, 0.0f);
    z[3] = static_cast<float>(quarters) / 4;
    add(one_case(z, 3, 1));
  }
  std::mt19937 random(2502);
  std::normal_distribution<float> normal;
  for (const int classes : {2, 3, 10, 33})
    for (const float tau : {0.05f, 0.1f, 0.5f, 1.0f, 3.0f, 10.0f, 50.0f, 100.0f})
      for (const float scale : {0.3f, 4.0f, 60.0f})
        for (int repeat = 0; repeat < 3; ++repeat) {
          std::vector<float> z(classes);
          for (float& v : z) v = scale * normal(random);
          add(one_case(z, static_cast<std::int32_t>(random() % classes), tau));
        }
  std::printf("{\"cases\":[%s],\n\"exp\":%s,\n\"log\":%s}\n", cases.c_str(), pairs(recorded.exps).c_str(),
              pairs(recorded.logs).c_str());
}
