#include "engine/gradient_exchange.h"

#include <algorithm>
#include <tuple>

#include "kernels/processes/all_reduce.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

constexpr std::int64_t kBucket = 25'000'000 / sizeof(float);  // elements, unless one parameter alone has more

struct Stretch {
  const Parameters* owner;
  std::int64_t begin, end;  // elements of its flat gradients
};

// From the end of each flat buffer, cut where a bucket is full, where parameters are left out, and where those without weight decay begin:
// they come from all layers and are complete last, so they go last.
std::vector<Stretch> stretches_of(std::vector<const Parameter*> trained) {
  std::vector<const Parameters*> owners;
  for (const Parameter* p : trained)
    if (std::ranges::find(owners, p->owner) == owners.end()) owners.push_back(p->owner);
  const auto place = [&](const Parameter* p) {
    return std::tuple(std::ranges::find(owners, p->owner), !p->spec.weight_decay, -p->offset);
  };
  std::ranges::sort(trained, {}, place);
  std::vector<Stretch> all;
  const Parameter* last = nullptr;
  for (const Parameter* p : trained) {
    const std::int64_t end = p->offset + p->gradient.size();
    const bool continues = last != nullptr && last->owner == p->owner &&
                           last->spec.weight_decay == p->spec.weight_decay && last->offset - end < kParameterAlignment;
    if (continues && all.back().end - p->offset <= kBucket)
      all.back().begin = p->offset;
    else
      all.push_back({p->owner, p->offset, end});
    last = p;
  }
  return all;
}

}  // namespace

GradientExchange::GradientExchange(const std::vector<const Parameter*>& trained) {
  if (!processes().are_many()) return;
  for (const Stretch& s : stretches_of(trained))
    buckets_.push_back(s.owner->gradients().narrow(s.begin, s.end - s.begin));
}

void GradientExchange::backward(Tape& tape, const Tensor& y, const Tensor& dy) {
  tape.backward(y, dy);
  exchange();
}

void GradientExchange::exchange() {
  for (const Tensor& bucket : buckets_)
    on(bucket.device(),
       [&](const auto& dev) { all_reduce_sum(dev, bucket.view<float>(), "the sum of the gradients"); });
}

}  // namespace kelvin
