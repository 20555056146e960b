#include "apps/training/step_memory.h"

#include <cstdio>
#include <new>
#include <optional>

#include "kernels/device/pool.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

constexpr std::int64_t kFew = 8,
                       kMore = 16;  // images of the measured steps; scratch memory of convolutions begins at some five

PoolUse use_of(Device device) {
  return on(device, [](const auto& dev) { return pool_use(dev); });
}

double peak_of(Learner& learner, Learner::Step step, std::int64_t images, Device device) {
  step.n = step.batch_images = step.group_images = images;
  step.is_first = step.is_last = true;
  on(device, [](const auto& dev) {
    pool_release_cache(dev);  // libraries allocate beside the pool
    pool_reset_peak(dev);
  });
  learner.step(step);
  return static_cast<double>(use_of(device).peak);
}

std::string gib(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g GiB", bytes / static_cast<double>(std::int64_t{1} << 30));
  return text;
}

// What the exception that is being handled says, if it is lack of memory.
std::optional<Message> shortage_that_is_handled() {
  try {
    throw;
  } catch (const Error& e) {
    if (e.code() == ExitCode::out_of_memory) return e.message();
  } catch (const std::bad_alloc&) {
    return message("out of memory; try a smaller ", "batch-size"_field);
  } catch (...) {
  }
  return {};
}

}  // namespace

StepMemory measure_step_memory(Learner& learner, const Learner::Step& step, Device device) {
  const double few = peak_of(learner, step, kFew, device), more = peak_of(learner, step, kMore, device);
  const double per_image = (more - few) / static_cast<double>(kMore - kFew);
  return {few - per_image * static_cast<double>(kFew), per_image};
}

void take_step(Learner& learner, const Learner::Step& step, const std::string& model, Device device) try {
  learner.step(step);
} catch (const std::exception&) {
  const std::optional<Message> shortage = shortage_that_is_handled();
  if (!shortage || step.n <= kMore || processes().are_many())
    throw;  // the other ranks would not take the measured steps
  const auto there_was = static_cast<double>(use_of(device).peak);
  StepMemory memory;
  try {
    memory = measure_step_memory(learner, step, device);
  } catch (const std::exception&) {  // not even these images fit
    throw Error(ExitCode::out_of_memory, *shortage);
  }
  throw Error(ExitCode::out_of_memory,
              message(*shortage, ": a step of ", step.n, " images of ", model, " takes about ", gib(memory.of(step.n)),
                      " of tensors, and there was room for ", gib(there_was), ", about ",
                      static_cast<std::int64_t>((there_was - memory.fixed) / memory.per_image), " images"));
}

}  // namespace kelvin
