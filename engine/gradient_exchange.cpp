#include "engine/gradient_exchange.h"

#include <algorithm>
#include <tuple>

#include "kernels/device/side_stream.h"
#include "kernels/processes/all_reduce.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

struct Stretch {
  std::int64_t begin, end;  // elements of its owner's flat gradients
  std::vector<const Parameter*> parameters;
};

// From the end of each flat buffer, cut where a bucket is full, where parameters are left out, and where those without weight decay begin:
// they come from all layers and are complete last, so they go last.
std::vector<Stretch> stretches_of(std::vector<const Parameter*> trained, std::int64_t most) {
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
    if (!continues || all.back().end - p->offset > most) all.push_back({p->offset, end, {}});
    all.back().begin = p->offset;
    all.back().parameters.push_back(p);
    last = p;
  }
  return all;
}

}  // namespace

GradientExchange::GradientExchange(const std::vector<const Parameter*>& trained, std::int64_t bucket_bytes) {
  if (!processes().are_many() || trained.empty()) return;
  for (const Stretch& s : stretches_of(trained, bucket_bytes / static_cast<std::int64_t>(sizeof(float)))) {
    const Tensor& flat = s.parameters.front()->owner->gradients();
    for (const Parameter* p : s.parameters) bucket_[p->gradient.id()] = buckets_.size();
    buckets_.push_back({flat.narrow(s.begin, s.end - s.begin), static_cast<int>(s.parameters.size())});
  }
  on(trained.front()->gradient.device(), [](const auto& dev) { open_all_reduce(dev); });
}

void GradientExchange::backward(Tape& tape, const Tensor& y, const Tensor& dy) {
  if (buckets_.empty() || dy.device().kind == DeviceKind::cpu) {
    tape.backward(y, dy);
    return exchange();
  }
  for (Bucket& bucket : buckets_) bucket.missing = bucket.parameters;
  next_ = 0;
  const auto side = [&] { return on(dy.device(), [](const auto& dev) { return fork_side(dev, Side::exchange); }); };
  tape.backward(y, dy, [&](const Tensor& gradient, GradientBatch& batch) {
    const auto found = bucket_.find(gradient.id());
    if (found == bucket_.end() || --buckets_[found->second].missing > 0) return;
    if (found->second != next_) return;
    batch.finish();
    const Device device = side();
    while (next_ < buckets_.size() && buckets_[next_].missing == 0) send_next(device);
  });
  const Device device = side();
  while (next_ < buckets_.size()) send_next(device);
  on(dy.device(), [](const auto& dev) { join_side(dev, Side::exchange); });
}

void GradientExchange::exchange() {
  for (next_ = 0; next_ < buckets_.size();) send_next(buckets_[next_].gradients.device());
}

void GradientExchange::send_next(const Device& device) {
  const View<float> values = buckets_[next_++].gradients.view<float>();
  on(device, [&](const auto& dev) { all_reduce_sum(dev, values, "the sum of the gradients"); });
}

}  // namespace kelvin
