#include "apps/attacks/square.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/device/parallel.h"
#include "kernels/pgd_bounds.h"

namespace kelvin {
namespace {

// Where one image stands.
struct State {
  std::vector<float> best, trial;
  float margin = 0;
};

void start(State& s, const ImageBatch& images, std::size_t row, const SquareOptions& o, const ImageRandom& random) {
  const auto x0 = images.image(row);
  s.trial.resize(x0.size());
  const auto columns = static_cast<std::size_t>(images.width * images.channels);
  for (std::size_t i = 0; i < x0.size(); ++i)
    s.trial[i] = project_linf(x0[i] + o.eps * random.sign(i % columns), x0[i], o.eps);
}

void recolour(State& s, const ImageBatch& images, std::size_t row, const SquareOptions& o, std::int64_t side,
              const ImageRandom& random) {
  const auto x0 = images.image(row);
  const std::int64_t h = images.height, w = images.width, c = images.channels;
  const auto top = static_cast<std::int64_t>(random.uniform(0) * static_cast<float>(h - side));
  const auto left = static_cast<std::int64_t>(random.uniform(1) * static_cast<float>(w - side));
  s.trial = s.best;
  for (std::int64_t y = top; y < top + side; ++y)
    for (std::int64_t x = left; x < left + side; ++x)
      for (std::int64_t k = 0; k < c; ++k) {
        const auto i = static_cast<std::size_t>((y * w + x) * c + k);
        const float colour = random.sign(2 + static_cast<std::uint64_t>(k));
        s.trial[i] = project_linf(s.best[i] + 2 * o.eps * colour, x0[i], o.eps);
      }
}

}  // namespace

std::int64_t square_side(float p_init, int i, std::int64_t height, std::int64_t width) {
  constexpr std::array<int, 9> kLast = {10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000};
  double p = p_init;
  for (const int last : kLast)
    if (i > last) p /= 2;
  const auto side = std::llround(std::sqrt(p * static_cast<double>(height) * static_cast<double>(width)));
  return std::clamp<std::int64_t>(side, 1, std::min(height, width));
}

MemberResult square_attack(const Victim& victim, const ImageBatch& images, const SquareOptions& o) {
  MemberResult result(images);
  for (int restart = 0; restart < o.restarts; ++restart) {
    std::vector<std::size_t> active = result.survivors();
    std::vector<State> states(images.count());
    for (int query = -1; query < o.queries && !active.empty(); ++query) {  // −1: the stripes
      const RandomKey key{o.seed, random_stream(str("square/", restart, "/", query))};
      const std::int64_t side = square_side(o.p_init, query, images.height, images.width);
      std::vector<float> pixels(active.size() * images.size());
      parallel_for(
          static_cast<std::int64_t>(active.size()),
          [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t k = begin; k < end; ++k) {
              const std::size_t row = active[static_cast<std::size_t>(k)];
              const ImageRandom random(key, images.indices[row]);
              if (query < 0)
                start(states[row], images, row, o, random);
              else
                recolour(states[row], images, row, o, side, random);
              std::copy(states[row].trial.begin(), states[row].trial.end(),
                        pixels.begin() + k * static_cast<std::int64_t>(images.size()));
            }
          },
          1);
      const Answer a = victim.classify(images, pixels);
      std::vector<std::size_t> standing;
      for (std::size_t k = 0; k < active.size(); ++k) {
        const std::size_t row = active[k];
        State& s = states[row];
        if (a.prediction(k) != images.labels[row]) {
          result.keep(row, s.trial);
          s = {};
          continue;
        }
        standing.push_back(row);
        const float margin = a.margin(k, images.labels[row]);
        if (query < 0 || margin < s.margin) {
          s.margin = margin;
          s.best = s.trial;
        }
      }
      active = std::move(standing);
    }
  }
  return result;
}

}  // namespace kelvin
