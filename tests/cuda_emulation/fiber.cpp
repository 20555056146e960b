#include "tests/cuda_emulation/fiber.h"

#include <sys/mman.h>

#include <boost/context/detail/fcontext.hpp>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(KELVIN_EMULATION_TSAN)  // this file itself is not instrumented; the kernels and tests are
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}
#endif

namespace simt {
namespace {

namespace bc = boost::context::detail;
constexpr std::size_t kStackBytes = 256 << 10, kGuardBytes = 4096;
[[maybe_unused]] constexpr unsigned kNoSynchronisation = 1;  // a switch of fibers orders nothing; barriers do

}  // namespace

struct Fiber::State {
  void (*body)() = nullptr;
  char* mapping = nullptr;
  bc::fcontext_t context = nullptr;
  [[maybe_unused]] void* fake_stack = nullptr;
  [[maybe_unused]] void* tsan_fiber = nullptr;
};

namespace {

struct Scheduler {
  bc::fcontext_t context = nullptr;
  void* fake_stack = nullptr;
  const void* stack_bottom = nullptr;
  std::size_t stack_bytes = 0;
  void* tsan_fiber = nullptr;
} scheduler;

void* running = nullptr;  // Fiber::State*

}  // namespace

Fiber::Fiber(void (*body)()) : state_(new State) {
  state_->body = body;
  state_->mapping = static_cast<char*>(mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (state_->mapping == MAP_FAILED) std::abort();
  mprotect(state_->mapping, kGuardBytes, PROT_NONE);
  char* const top = state_->mapping + kGuardBytes + kStackBytes;
  state_->context = bc::make_fcontext(top, kStackBytes, [](bc::transfer_t from) {
    scheduler.context = from.fctx;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &scheduler.stack_bottom, &scheduler.stack_bytes);
#endif
    static_cast<State*>(running)->body();
    std::abort();
  });
#if defined(KELVIN_EMULATION_TSAN)
  state_->tsan_fiber = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#if defined(KELVIN_EMULATION_TSAN)
  __tsan_destroy_fiber(state_->tsan_fiber);
#endif
  munmap(state_->mapping, kGuardBytes + kStackBytes);
  delete state_;
}

void Fiber::resume() {
  running = state_;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&scheduler.fake_stack, state_->mapping + kGuardBytes, kStackBytes);
#endif
#if defined(KELVIN_EMULATION_TSAN)
  scheduler.tsan_fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(state_->tsan_fiber, kNoSynchronisation);
#endif
  state_->context = bc::jump_fcontext(state_->context, nullptr).fctx;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(scheduler.fake_stack, nullptr, nullptr);
#endif
}

void Fiber::leave() {
  [[maybe_unused]] auto* const self = static_cast<State*>(running);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&self->fake_stack, scheduler.stack_bottom, scheduler.stack_bytes);
#endif
#if defined(KELVIN_EMULATION_TSAN)
  __tsan_switch_to_fiber(scheduler.tsan_fiber, kNoSynchronisation);
#endif
  scheduler.context = bc::jump_fcontext(scheduler.context, nullptr).fctx;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(self->fake_stack, &scheduler.stack_bottom, &scheduler.stack_bytes);
#endif
}

bool Fiber::counts_as_thread() {
#if defined(KELVIN_EMULATION_TSAN)
  return true;
#else
  return false;
#endif
}

void Fiber::release([[maybe_unused]] void* x) {
#if defined(KELVIN_EMULATION_TSAN)
  __tsan_release(x);
#endif
}

void Fiber::acquire([[maybe_unused]] void* x) {
#if defined(KELVIN_EMULATION_TSAN)
  __tsan_acquire(x);
#endif
}

}  // namespace simt
